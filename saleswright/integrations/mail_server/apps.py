"""The mail server as the company sets it up."""

from saleswright.interface import modules


class MailServerConfig(modules.ModuleConfig):
    """Host, sign-in and sender of mails, and trying them out."""

    name = "saleswright.integrations.mail_server"
    label = "mail_server"
