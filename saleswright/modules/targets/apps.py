"""Sales targets."""

from saleswright.interface import modules


class TargetsConfig(modules.ModuleConfig):
    """Targets, how they are divided, and how far they are reached."""

    name = "saleswright.modules.targets"
    label = "targets"
