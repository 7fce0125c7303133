"""What is checked when campaigns are written."""

from __future__ import annotations

from django.utils.translation import gettext as _

from saleswright.kernel.records import Batch


def prepare_campaigns(batch: Batch) -> None:
    """A campaign doesn't end before it starts."""
    for draft in batch.good:
        campaign = draft.record
        if campaign.starts_on and campaign.ends_on and campaign.ends_on < campaign.starts_on:
            draft.error("ends_on", "order", _("The end lies before the start."))
