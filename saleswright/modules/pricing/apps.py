"""Price lists and discount authority."""

from saleswright.interface import modules


class PricingConfig(modules.ModuleConfig):
    """What things cost whom, and who may give how much off."""

    name = "saleswright.modules.pricing"
    label = "pricing"

    def ready(self) -> None:
        super().ready()
        from saleswright.modules.pricing.queries import first_with_authority
        from saleswright.modules.work.public import set_discount_authority

        set_discount_authority(first_with_authority)
