"""The start page of the settings lists what one may set up."""

import pytest

from saleswright.interface.administration import AREAS, areas_for
from saleswright.interface.navigation import navigation

pytestmark = pytest.mark.django_db


def offered(actor) -> dict[str, str]:
    return {one.name: one.url for area in areas_for(actor) for one in area.settings}


def test_an_administrator_sets_up_everything_that_there_is(acting):
    found = offered(acting("administrator"))
    assert {"company", "working-hours", "special-days", "number-series", "dictionaries", "roles", "state-limits",
            "bodies", "exchange-rates", "person-rights"} <= set(found)  # fmt: skip
    assert found["dictionaries"] == "/dictionaries"
    assert found["person-rights"] == "/settings/rights"


def test_others_set_up_what_is_theirs(acting):
    assert set(offered(acting("hr"))) == {"employees", "departments", "posts"}
    assert offered(acting("warehouse")) == {}
    assert "roles" not in offered(acting("sales_operations"))


def test_settings_that_no_module_brings_are_left_out(acting, monkeypatch):
    monkeypatch.setattr(AREAS[0], "settings", [])
    assert next(area.name for area in areas_for(acting("administrator"))) == AREAS[1].name


def test_the_page_opens_for_those_who_set_up_something(browse):
    assert "/working-hours" in browse().get("/settings").content.decode()
    assert browse("warehouse").get("/settings").status_code == 403


def test_every_address_on_it_opens(acting, browse):
    client = browse()
    for url in offered(acting("administrator")).values():
        assert client.get(url).status_code == 200, url


def test_the_navigation_leads_there(acting):
    def urls(role: str) -> list[str]:
        return [item.url for item in navigation(acting(role), "/")]

    assert "/settings" in urls("administrator")
    assert "/settings" not in urls("warehouse")
    marked = [item.url for item in navigation(acting("administrator"), "/number-series/3") if item.active]
    assert marked == ["/settings"]
