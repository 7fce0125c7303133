"""Past imports as people and programs meet them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import Entity, Section, register
from saleswright.interface.fields import Shown
from saleswright.interface.imports.actions import take_back
from saleswright.interface.models import ImportRun
from saleswright.kernel.errors import Text
from saleswright.kernel.resources import all_resources


def kinds() -> dict[str, Text]:
    """What kinds of record are called."""
    return {one.name: one.label_plural for one in all_resources()}


@register
class ImportRunEntity(Entity):
    """The files that were taken, each with what came of it."""

    name, model = "imports", ImportRun
    label, label_plural = _("Import"), _("Imports")
    icon = "file-import"
    search = ("file_name",)
    state_field = "status"
    columns = ("file_name", "resource", "status", "owner", "taken_at", "rows", "created", "updated", "failed")
    sortable = ("taken_at", "status", "resource")
    filters = ("resource", "status", "taken_at")
    ordering = "-taken_at"
    detail = (
        Section(_("File"), ("file_name", "resource", "owner", "taken_at")),
        Section(_("Result"), ("rows", "created", "updated", "failed", "taken_back")),
    )
    shown = (Shown("resource", names=kinds),)
    private = ("token",)
    derived = ("token",)  # an address, not a fact of the import
    panels = ("/imports/{pk}/standing",)
    transitions = (take_back,)
    creatable = editable = deletable = archivable = False
    empty_text = _("No file was taken yet.")
