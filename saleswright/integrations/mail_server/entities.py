"""The mail server as people and programs meet it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.integrations.mail_server import actions
from saleswright.integrations.mail_server.models import MailServer
from saleswright.interface.administration import Setting, add_setting
from saleswright.interface.entity import Entity, Section, register
from saleswright.kernel.access.actors import Actor

SERVER = Section(_("Server"), ("host", "port", "security", "login"))
SENDER = Section(_("Sender"), ("sender_name", "sender_address", "reply_to"))


@register
class MailServerEntity(Entity):
    """There from the start, changed only; the password is written and never read."""

    name, model = "mail-server", MailServer
    icon = "mail"
    columns = ("host", "port", "security", "login", "sender_address", "updated_at")
    form = (Section(_("Server"), ("host", "port", "security", "login", "password")), SENDER)
    detail = (SERVER, SENDER)
    private = ("password",)
    not_personal = ("sender_name", "sender_address", "reply_to", "login", "password")
    extra = (actions.PASSWORD,)
    panels = ("/mail-server/{pk}/in-effect",)
    creatable = deletable = archivable = False

    def prepare(self, batch: Any) -> None:
        actions.check_servers(batch)

    def saved(self, batch: Any) -> None:
        actions.follow_servers(batch)

    def put_away(self, record: Any, actor: Actor) -> None:
        actions.refuse_putting_away()

    def label_of(self, record: MailServer) -> str:
        return record.host or str(_("Mail server"))


add_setting("technical", Setting("mail-server", _("By which server and under which name mails go out; a test message")))
