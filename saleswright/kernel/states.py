"""States as enums that carry their label and colour."""

from __future__ import annotations

from django.db import models


class States(models.TextChoices):
    """The states of a record: `DRAFT = "draft", "secondary", _("Draft")`; the colour is one of Tabler's."""

    colour: str

    def __new__(cls, value: str, colour: str = "secondary") -> States:
        member = str.__new__(cls, value)
        member._value_ = value
        member.colour = colour
        return member
