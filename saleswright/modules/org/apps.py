"""People and structure."""

from saleswright.interface import modules


class OrgConfig(modules.ModuleConfig):
    """Departments, regions, employees, posts, shipped roles."""

    name = "saleswright.modules.org"
    label = "org"
