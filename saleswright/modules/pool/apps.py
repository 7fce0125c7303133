"""Public pools of records that nobody has."""

from saleswright.interface import modules


class PoolConfig(modules.ModuleConfig):
    """Pools, what goes into them, and who may take what out."""

    name = "saleswright.modules.pool"
    label = "pool"

    def ready(self) -> None:
        super().ready()
        from saleswright.interface.conditions import KINDS
        from saleswright.modules.pool.terms import pool_terms

        KINDS["pool"] = pool_terms
