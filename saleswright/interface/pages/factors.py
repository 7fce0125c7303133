"""The picture with which an authenticator app learns the secret of the second factor."""

from __future__ import annotations

from dataclasses import dataclass

import segno
from django.utils.translation import gettext as _
from markupsafe import Markup

from saleswright.kernel.access import second_factor
from saleswright.kernel.errors import Text
from saleswright.kernel.models import User


@dataclass(slots=True)
class Enrolment:
    """Setting up the second factor: the picture, the secret to type where it can't be scanned."""

    submit_url: str
    picture: Markup
    secret: str
    error: Text = ""


def enrolment(user: User, secret: str, submit_url: str) -> Enrolment:
    """The page's content for a person and a secret."""
    address = second_factor.app_address(user, secret, _("Saleswright"))
    groups = " ".join(secret[place : place + 4] for place in range(0, len(secret), 4))
    return Enrolment(submit_url, picture(address), groups)


def picture(text: str) -> Markup:
    """A text as a QR code in SVG; dark on white in both themes, for that is what apps read."""
    drawn = segno.make(text, error="m", micro=False)
    return Markup(drawn.svg_inline(dark="#000", light="#fff", border=3, omitsize=True, svgclass="qr"))
