"""Roles are changed by page and API: audited, at once, and somebody stays in charge."""

import pytest

from saleswright.kernel.access.actors import Scope, actor_for
from saleswright.kernel.errors import Conflict, NotAllowed, ValidationFailed
from saleswright.kernel.models import AuditEntry, Grant, Role, RoleMembership, User
from saleswright.kernel.records import archive_record, delete_record, save_record
from saleswright.modules.customers.public import Customer
from saleswright.modules.org import grants
from saleswright.modules.org.actions import leave_company
from saleswright.modules.org.queries import grants_of
from saleswright.modules.org.shipped import ROLES

pytestmark = pytest.mark.django_db


def role(code: str) -> Role:
    return Role.objects.get(code=code)


def held(code: str) -> dict[str, str]:
    return grants_of([role(code).pk]).get(role(code).pk, {})


@pytest.fixture
def admin(acting):
    return acting("administrator")


# --- by API -----------------------------------------------------------------------------------------------------


def test_a_grant_holds_at_once_and_the_others_stay(api, person):
    client, warehouse = api(), person("warehouse")
    assert not actor_for(warehouse, origin="test").may("quotes.view")
    response = client.patch(f"roles/{role('warehouse').pk}", {"grants": {"quotes.view": "department"}})
    assert response.status_code == 200, response.content
    assert actor_for(warehouse, origin="test").scopes("quotes.view") == {Scope.DEPARTMENT}
    assert response.json()["grants"] == {**ROLES["warehouse"][1], "quotes.view": "department"}
    client.patch(f"roles/{role('warehouse').pk}", {"grants": {"quotes.view": None}})
    assert not actor_for(warehouse, origin="test").may("quotes.view")


def test_the_audit_says_what_changed(api):
    api().patch(f"roles/{role('warehouse').pk}", {"grants": {"orders.view": "own", "deliveries.*": "all"}})
    entry = AuditEntry.objects.filter(resource="roles", action="changed").latest("id")
    assert entry.changes["grants"] == [None, {"orders.view": ["all", "own"]}]


@pytest.mark.parametrize(
    "sent",
    [{"quotes.fly": "all"}, {"no-such.view": "all"}, {"quotes.view": "world"}, {"quotes.view": 7}, ["quotes.view"]],
)
def test_unknown_rights_are_refused(api, sent):
    before = held("warehouse")
    response = api().patch(f"roles/{role('warehouse').pk}", {"grants": sent})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "grants"
    assert held("warehouse") == before


def test_a_role_of_one_s_own_is_made_held_and_not_deleted_while_in_use(api, person):
    client = api()
    made = client.post("roles", {"code": "intern", "name": "Intern", "grants": {"customers.view": "own"}})
    assert made.status_code == 201, made.content
    pk = made.json()["id"]
    intern = person("intern")
    assert actor_for(intern, origin="test").scopes("customers.view") == {Scope.OWN}
    assert client.delete(f"roles/{pk}").status_code == 409
    assert Role.objects.filter(pk=pk).exists()
    RoleMembership.objects.filter(user=intern).delete()
    assert client.delete(f"roles/{pk}").status_code == 204
    assert not Grant.objects.filter(role_id=pk).exists()


def test_only_administrators_change_roles(acting, root):
    save_record(Role, {"grants": {"roles.*": Scope.ALL}}, pk=role("hr").pk, actor=root)
    before = held("hr")
    with pytest.raises(NotAllowed):
        save_record(Role, {"grants": {"*": "all"}}, pk=role("hr").pk, actor=acting("hr"))
    assert held("hr") == before


# --- shipped roles ----------------------------------------------------------------------------------------------


def test_a_changed_role_is_reset(admin):
    pk = role("finance").pk
    save_record(Role, {"grants": {"invoices.*": None, "leads.view": "all"}}, pk=pk, actor=admin)
    grants.reset_role(pk, actor=admin)
    assert held("finance") == ROLES["finance"][1]
    with pytest.raises(Conflict, match="as shipped"):
        grants.reset_role(pk, actor=admin)


def test_a_copy_has_the_same_rights_and_no_shipped_ones_to_go_back_to(admin):
    made = grants.copy_role(role("hr").pk, actor=admin, code="hr_junior", name="Junior HR")["id"]
    assert held("hr_junior") == held("hr")
    with pytest.raises(Conflict, match="Only shipped"):
        grants.reset_role(made, actor=admin)


def test_shipped_roles_keep_their_code_and_are_not_deleted(admin):
    pk = role("partner").pk
    with pytest.raises(ValidationFailed):
        save_record(Role, {"code": "friend"}, pk=pk, actor=admin)
    with pytest.raises(Conflict, match="Shipped"):
        delete_record(Role, pk, actor=admin)
    assert role("partner").pk == pk
    assert held("partner") == ROLES["partner"][1]


def test_an_archived_role_gives_nothing_any_more(admin, person):
    agent = person("service_agent")
    archive_record(Role, role("service_agent").pk, actor=admin)
    assert not actor_for(agent, origin="test").may("tickets.view")


# --- somebody stays in charge -----------------------------------------------------------------------------------


def test_the_last_administrator_stays_one(admin):
    me = User.objects.get(pk=admin.user_id)
    with pytest.raises(ValidationFailed):
        save_record(User, {"roles": ["hr"]}, pk=me.pk, actor=admin)
    with pytest.raises(Conflict):
        save_record(Role, {"grants": {"*": None}}, pk=role("administrator").pk, actor=admin)
    with pytest.raises(Conflict):
        archive_record(Role, role("administrator").pk, actor=admin)
    with pytest.raises(Conflict):
        archive_record(User, me.pk, actor=admin)
    with pytest.raises(Conflict):
        delete_record(User, me.pk, actor=admin)
    with pytest.raises(Conflict):
        leave_company(me.pk, actor=admin)
    me.refresh_from_db()
    assert actor_for(me, origin="test").may("admin.manage")
    assert me.is_active


def test_one_of_two_administrators_may_go(admin, person):
    other = person("administrator")
    third = person("administrator")
    save_record(User, {"roles": ["hr"]}, pk=other.pk, actor=admin)
    delete_record(User, third.pk, actor=admin)
    assert grants.administrators() == {admin.user_id}


def test_who_may_not_administer_makes_no_administrators(acting, person):
    hr, colleague, boss = acting("hr"), person("warehouse"), person("administrator")
    for pk, values in (
        (hr.user_id, {"roles": ["hr", "administrator"]}),
        (colleague.pk, {"roles": ["administrator"]}),
        (boss.pk, {"roles": ["hr"]}),
        (boss.pk, {"password": "a-long-new-passphrase-7"}),
    ):
        with pytest.raises(ValidationFailed) as failure:
            save_record(User, values, pk=pk, actor=hr)
        assert failure.value.errors[0].code == "not_allowed"
    assert grants.administrators() == {boss.pk}
    save_record(User, {"roles": ["warehouse", "hr"]}, pk=colleague.pk, actor=hr)


# --- by page ----------------------------------------------------------------------------------------------------


def test_the_page_of_a_role_shows_its_rights(browse):
    text = browse().get(f"/roles/{role('regional_manager').pk}/rights").content.decode()
    assert "Region and below" in text or "区域及下级" in text
    assert browse("hr").get(f"/roles/{role('hr').pk}/rights").status_code == 200


def test_the_scopes_of_a_kind_of_record_are_chosen_on_a_page(browse):
    client, pk = browse(), role("warehouse").pk
    assert client.get(f"/roles/{pk}/rights/deliveries").status_code == 200
    sent = {f"deliveries.{verb}": "own" for verb in ("view", "edit")}
    assert client.post(f"/roles/{pk}/rights/deliveries", sent).status_code == 302
    assert {p: s for p, s in held("warehouse").items() if p.startswith("deliveries.")} == sent


def test_one_scope_for_all_is_one_grant(browse):
    from saleswright.modules.org.rights import area_named

    client, pk = browse(), role("warehouse").pk
    sent = dict.fromkeys(area_named("customers").permissions, "department")
    client.post(f"/roles/{pk}/rights/customers", sent)
    assert {p: s for p, s in held("warehouse").items() if p.startswith("customers.")} == {"customers.*": "department"}


def test_a_page_offers_what_makes_a_difference_and_what_is_held(browse, root):
    pk = role("warehouse").pk
    save_record(Role, {"grants": {"products.view": "own"}}, pk=pk, actor=root)
    text = browse().get(f"/roles/{pk}/rights/products").content.decode()
    assert text.count('value="department"') == 0  # products have no owner
    assert text.count('value="own"') == 1
    assert 'value="department"' in browse().get(f"/roles/{pk}/rights/customers").content.decode()


@pytest.mark.parametrize("area", ["everything", "fields", "system"])
def test_protected_fields_and_the_system_are_opened_on_a_page(browse, area):
    from saleswright.modules.org.rights import area_named

    client, pk = browse(), role("warehouse").pk
    assert client.get(f"/roles/{pk}/rights/{area}").status_code == 200
    permission = list(area_named(area).permissions)[-1]
    client.post(f"/roles/{pk}/rights/{area}", {permission: "all"})
    assert held("warehouse")[permission] == "all" or held("warehouse")["fields.*"] == "all"


def test_a_page_refuses_what_would_leave_nobody_in_charge(browse, person):
    me = person("administrator")
    client, pk = browse(me), role("administrator").pk
    assert client.post(f"/roles/{pk}/rights/everything", {"*.view": "all"}).status_code == 422
    assert held("administrator") == {"*": "all"}
    assert client.get(f"/roles/{pk}/rights/no-such-kind").status_code == 404


@pytest.mark.parametrize("address", ["/roles/{pk}/rights/orders", "/settings/rights"])
def test_the_pages_are_for_administrators(browse, address):
    assert browse("sales_operations").get(address.format(pk=role("hr").pk)).status_code == 403


# --- what may this person see ------------------------------------------------------------------------------------


def test_it_says_why_a_record_is_seen_or_not(browse, person, root):
    owner, colleague, director = (
        person("sales_representative"),
        person("sales_representative"),
        person("sales_director"),
    )
    customer = save_record(Customer, {"name": "Huawei", "owner": owner.pk}, actor=root)
    save_record(Customer, {"collaborator_ids": [colleague.pk]}, pk=customer.pk, actor=root)
    from saleswright.kernel.resources import resource_of
    from saleswright.modules.org.rights import answers

    resource = resource_of(Customer)
    view = {who.pk: answers(who, resource, customer.pk)[0][1:] for who in (owner, colleague, director)}
    assert view[owner.pk] == (True, "It is the person's own.")
    assert view[colleague.pk] == (True, "It is shared with the person.")
    assert view[director.pk] == (True, "The roles reach: All.")
    outsider, nobody = person("sales_representative"), person()
    assert answers(outsider, resource, customer.pk)[0][1:] == (
        False, "The roles reach: Own. The record lies outside.",
    )  # fmt: skip
    assert answers(nobody, resource, customer.pk)[0][1:] == (False, "No role of this person gives the right.")


def test_the_page_of_a_person_s_rights_opens(browse, person, root):
    who = person("sales_manager")
    customer = save_record(Customer, {"name": "Huawei"}, actor=root)
    client = browse()
    assert client.get("/settings/rights").status_code == 200
    asked = f"/settings/rights?person={who.pk}&resource=customers&record="
    assert client.get(asked + str(customer.pk)).status_code == 200
    assert client.get(asked + "99999999").status_code == 200
    assert client.get("/settings/rights?person=x").status_code == 200
