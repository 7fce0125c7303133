"""The discount authority of a fresh installation."""

from decimal import Decimal

from saleswright.kernel import clock
from saleswright.kernel.models import Role
from saleswright.modules.pricing.models import DiscountAuthority

#: role -> percent off the price list
AUTHORITY = {"sales_representative": 10, "sales_manager": 20, "regional_manager": 25, "sales_director": 35}


def ship() -> None:
    """Write the authorities, unless the company has any of its own."""
    if DiscountAuthority.objects.exists():
        return
    at, roles = clock.now(), dict(Role.objects.values_list("code", "id"))
    DiscountAuthority.objects.bulk_create(
        DiscountAuthority(role_id=roles[code], percent=Decimal(percent), created_at=at, updated_at=at)
        for code, percent in AUTHORITY.items()
        if code in roles
    )
