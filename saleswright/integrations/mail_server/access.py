"""What is in effect: the environment before what administrators have set up."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parseaddr

from django.conf import settings

from saleswright.integrations.mail_server.models import PORTS, MailServer, Security
from saleswright.kernel.caching import kept
from saleswright.kernel.sealing import unseal

PURPOSE = "saleswright.mail-server"
#: the fields that a variable of the environment fixes; a server is fixed as a whole, so that a password that is kept
#: here is never sent to a server that is named there
SERVER = ("host", "port", "security", "login", "password")
SENDER = ("sender_name", "sender_address")


@dataclass(frozen=True, slots=True)
class Access:
    """How mails are sent; `password` is still encrypted where it comes from the database (`sealed`)."""

    host: str
    port: int
    security: str
    login: str
    password: str
    sealed: bool
    sender_name: str
    sender_address: str
    reply_to: str

    @property
    def ready(self) -> bool:
        """Whether a server and a sender are set."""
        return bool(self.host and self.sender_address)

    def opened(self) -> str:
        """The password in clear. Raises InvalidToken where `SECRET_KEY` is another one by now."""
        return unseal(self.password, PURPOSE) if self.sealed and self.password else self.password


@kept(seconds=30)
def kept_server() -> MailServer:
    """The row that administrators change; other processes see a change within half a minute."""
    return MailServer.objects.order_by("id").first() or MailServer()


def fixed() -> dict[str, str]:
    """Field -> the variable of the environment that fixes it."""
    found: dict[str, str] = {}
    if settings.EMAIL_HOST:
        found |= dict.fromkeys(SERVER, "MAIL_HOST")
    if settings.DEFAULT_FROM_EMAIL:
        found |= dict.fromkeys(SENDER, "MAIL_FROM")
    if settings.MAIL_REPLY_TO:
        found["reply_to"] = "MAIL_REPLY_TO"
    return found


def access(row: MailServer | None = None) -> Access:
    """What is in effect now, or would be with this row."""
    one, by = row or kept_server(), fixed()
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    if "host" in by:
        security = Security.TLS if settings.EMAIL_USE_SSL else Security.STARTTLS
        security = security if settings.EMAIL_USE_SSL or settings.EMAIL_USE_TLS else Security.NONE
        server = settings.EMAIL_HOST, settings.EMAIL_PORT, security.value
        sign_in = settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD, False
    else:
        server = one.host, one.port or PORTS[one.security], str(one.security)
        sign_in = one.login, one.password, True
    if "sender_address" not in by:
        name, address = one.sender_name, one.sender_address
    return Access(*server, *sign_in, name, address, settings.MAIL_REPLY_TO or one.reply_to)
