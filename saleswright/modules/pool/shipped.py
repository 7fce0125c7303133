"""The pools that a fresh database holds: one for each kind of record, open to everybody who may claim."""

from __future__ import annotations

from django.utils.translation import gettext as _

from saleswright.kernel import clock
from saleswright.modules.pool.models import Pool


def ship() -> None:
    """Write them where there is no pool of the kind."""
    at = clock.now()
    present = set(Pool.objects.values_list("resource", flat=True))
    names = {"customers": _("Public pool of customers"), "leads": _("Public pool of leads")}
    Pool.objects.bulk_create(
        Pool(name=name, resource=resource, created_at=at, updated_at=at)
        for resource, name in names.items()
        if resource not in present
    )
