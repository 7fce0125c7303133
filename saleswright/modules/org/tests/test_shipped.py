"""The shipped roles: complete, repeatable, and as the documents say."""

import importlib.util
from pathlib import Path

import pytest
from django.conf import settings

from saleswright.kernel.access.actors import Scope
from saleswright.kernel.models import Grant, Role
from saleswright.modules.org.shipped import ROLES, ship

CODES = {
    "administrator", "sales_director", "regional_manager", "sales_manager", "sales_representative", "sales_operations",
    "finance", "warehouse", "purchasing", "service_agent", "service_manager", "hr", "auditor", "partner",
}  # fmt: skip


def written_documents() -> dict[str, str]:
    path = Path(settings.BASE_DIR) / "tools" / "write_docs.py"
    spec = importlib.util.spec_from_file_location("write_docs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.documents()


@pytest.mark.parametrize("path", ["docs/roles.md", "docs/permissions.md", "docs/states.md"])
def test_the_documents_are_current(path):
    """Run `.venv/bin/python tools/write_docs.py` when this fails."""
    assert (Path(settings.BASE_DIR) / path).read_text(encoding="utf-8") == written_documents()[path]


@pytest.mark.django_db
def test_every_promised_role_is_shipped_with_its_grants():
    assert set(Role.objects.filter(shipped=True).values_list("code", flat=True)) == CODES == set(ROLES)
    for code, (_name, grants) in ROLES.items():
        assert dict(Grant.objects.filter(role__code=code).values_list("permission", "scope")) == grants, code


@pytest.mark.django_db
def test_shipping_again_leaves_edited_roles_alone():
    Grant.objects.filter(role__code="hr").delete()
    Grant.objects.create(role=Role.objects.get(code="hr"), permission="posts.view", scope="all")
    count = Role.objects.count()
    ship()
    assert Role.objects.count() == count
    assert list(Grant.objects.filter(role__code="hr").values_list("permission", "scope")) == [("posts.view", "all")]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "permission", "scopes"),
    [
        ("administrator", "whatever.view", {"all"}),
        ("sales_director", "customers.edit", {"all"}),
        ("regional_manager", "customers.edit", {"region_tree"}),
        ("sales_manager", "customers.edit", {"department_tree"}),
        ("sales_representative", "customers.edit", {"own"}),
        ("partner", "customers.view", {"own"}),
        ("partner", "customers.edit", set()),
        ("finance", "customers.view", {"all"}),
        ("finance", "customers.edit", set()),
        ("auditor", "customers.view", {"all"}),
        ("auditor", "customers.create", set()),
        ("hr", "employees.leave", {"all"}),
        ("hr", "customers.view", set()),
        ("sales_representative", "employees.edit", set()),
        ("sales_representative", "fields.bank", set()),
        ("sales_representative", "saved-views.create", {"own"}),
    ],
)
def test_who_may_what(acting, role, permission, scopes):
    assert acting(role).scopes(permission) == {Scope(scope) for scope in scopes}
