"""Saved views as records: written through the kernel like all others, without pages of their own."""

from django.utils.translation import gettext_lazy as _

from saleswright.interface.models import SavedView
from saleswright.kernel.resources import Resource, add_resource


class SavedViews(Resource):
    """Filters, order and columns of a list that a person keeps."""

    name, model = "saved-views", SavedView
    label, label_plural = _("Saved view"), _("Saved views")
    personal = True


add_resource(SavedViews())
