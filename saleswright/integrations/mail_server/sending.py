"""Handing a mail to the server, and saying in words why that failed."""

from __future__ import annotations

import smtplib
import socket
import ssl
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.utils.translation import gettext_lazy

from saleswright.integrations.mail_server.access import Access
from saleswright.kernel.errors import Text
from saleswright.kernel.sealing import InvalidToken
from saleswright.kernel.words import Words, said
from saleswright.modules.work.public import Undelivered

LONGEST = 300


def hand_over(letter: EmailMultiAlternatives, by: Access) -> None:
    """Send one mail. Raises Undelivered."""
    try:
        letter.connection = _connection(by)
        letter.send(fail_silently=False)
    except InvalidToken as error:
        text = gettext_lazy("The kept password can't be read since SECRET_KEY was changed: give it anew.")
        raise Undelivered(text, temporary=True) from error
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise undelivered(error, by) from error


def _connection(by: Access) -> Any:
    return get_connection(
        host=by.host, port=by.port, username=by.login, password=by.opened(), use_tls=by.security == "starttls",
        use_ssl=by.security == "tls", timeout=settings.EMAIL_TIMEOUT,
    )  # fmt: skip


def undelivered(error: Exception, by: Access) -> Undelivered:
    """What went wrong, and whether it may pass: refusals with 5xx don't, nor does a mail that is none."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, answer = next(iter(error.recipients.values()))
        return Undelivered(_answer(code, answer), temporary=400 <= code < 500)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return Undelivered(gettext_lazy("The mail server refuses our sign-in."), temporary=True)
    if isinstance(error, smtplib.SMTPResponseException):
        return Undelivered(_answer(error.smtp_code, error.smtp_error), temporary=error.smtp_code < 500)
    if isinstance(error, smtplib.SMTPException | OSError):
        return Undelivered(_unreached(error, by), temporary=True)
    # a header that is none
    return Undelivered(_with(gettext_lazy("This can't be sent as a mail: %(why)s"), error), temporary=False)


def _unreached(error: Exception, by: Access) -> Words | Text:
    """Why no mail could be handed over, as far as can be told; what the system said stands behind."""
    if isinstance(error, smtplib.SMTPNotSupportedError):
        if "STARTTLS" in str(error):
            return said(gettext_lazy("%(host)s does not offer STARTTLS at port %(port)s."), host=by.host, port=by.port)
        return said(gettext_lazy("The mail server takes no sign-in this way: %(why)s"), why=str(error)[:LONGEST])
    if isinstance(error, ssl.SSLCertVerificationError):
        text = gettext_lazy("The certificate of %(host)s is not trusted: %(why)s")
        return said(text, host=by.host, why=error.verify_message[:LONGEST])
    if isinstance(error, ssl.SSLError):
        text = gettext_lazy(
            "No TLS connection comes about with %(host)s at port %(port)s: does the port belong to this encryption?"
        )
        return said(text, host=by.host, port=by.port)
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):  # smtplib wraps it in reading
        text = gettext_lazy("%(host)s does not answer at port %(port)s in time: the port or a firewall may be wrong.")
        return said(text, host=by.host, port=by.port)
    if isinstance(error, socket.gaierror):
        return said(gettext_lazy("There is no server of the name %(host)s."), host=by.host)
    if isinstance(error, ConnectionRefusedError):
        return said(gettext_lazy("At port %(port)s of %(host)s nothing takes mails."), host=by.host, port=by.port)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        text = gettext_lazy(
            "%(host)s breaks the connection off at port %(port)s: does the port belong to this encryption?"
        )
        return said(text, host=by.host, port=by.port)
    return _with(gettext_lazy("The mail server can't be reached: %(why)s"), error)


def _with(text: Text, error: Exception) -> Words:
    return said(text, why=str(error)[:LONGEST])


def _answer(code: int, answer: bytes | str) -> Words:
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    return said(gettext_lazy("The mail server answered %(code)s: %(text)s"), code=code, text=text[:LONGEST])
