"""Departments, regions, posts and employees by page, API and file."""

import itertools
from datetime import date, timedelta

import pytest

from saleswright.interface.entity import entity_named
from saleswright.interface.exchange.importer import run_import
from saleswright.interface.testing import EntityTestCase
from saleswright.kernel import clock
from saleswright.kernel.caching import forget_everything
from saleswright.kernel.company import exchange_rate
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.models import Company, ExchangeRate, Role, StateLimit, User, WorkingDay
from saleswright.kernel.records import save_record
from saleswright.kernel.worktime import is_working_day
from saleswright.modules.customers.public import Contact, Customer
from saleswright.modules.org.queries import stateful, states_of

serial = itertools.count(1)


class TestDepartments(EntityTestCase):
    """The department tree."""

    resource = "departments"
    change = {"name": "Renamed department"}

    def values(self):
        return {"name": f"Department {next(serial)}"}


class TestRegions(TestDepartments):
    """The tree of sales territories."""

    resource = "regions"


class TestPosts(EntityTestCase):
    """Posts."""

    resource = "posts"
    change = {"responsibilities": "Answers for the east."}

    def values(self):
        return {"title": f"Post {next(serial)}", "steps": ["visit", "quote"]}


class TestEmployees(EntityTestCase):
    """People who work here."""

    resource = "employees"
    change = {"email": "a@example.com"}

    def values(self):
        return {"username": f"newcomer{next(serial)}", "name": "Newcomer", "roles": ["sales_representative"]}

    def test_it_shows_the_phone_only_with_its_right(self, api):
        pk = self.create(api())["id"]
        User.objects.filter(pk=pk).update(phone="13812345678")
        answer = api("hr").get(f"employees/{pk}?unmask=phone").json()
        assert (answer["phone"], answer["masked"]) == ("13812345678", [])
        answer = api("purchasing").get(f"employees/{pk}").json()
        assert (answer["phone"], answer["masked"]) == ("138****5678", ["phone"])
        assert api("purchasing").get(f"employees/{pk}?unmask=phone").status_code == 403


class TestRoles(EntityTestCase):
    """Roles."""

    resource = "roles"
    change = {"name": "Renamed role"}

    def values(self):
        return {"code": f"role_{next(serial)}", "name": "Role", "grants": {"customers.view": "own"}}


class TestCompany(EntityTestCase):
    """The company itself."""

    resource = "company"
    change = {"address": "Jianguo Road 1", "bank": "ICBC"}

    def create(self, client):
        return client.get("company/{id}".format(**client.get("company").json()["items"][0])).json()

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"time_zone": "Moon/Crater"}, "time_zone"),
            ({"currency": "¥"}, "currency"),
            ({"fiscal_year_start": 13}, "fiscal_year_start"),
            ({"approver_of_last_resort_id": 0}, "approver_of_last_resort_id"),
        ],
    )
    def test_it_refuses_what_can_t_be(self, api, values, field):
        client = api()
        pk, before = self.create(client)["id"], Company.objects.values().get()
        response = client.patch(f"company/{pk}", values)
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == field
        assert Company.objects.values().get() == before

    def test_its_time_zone_holds_at_once(self, api):
        client = api()
        client.patch("company/{id}".format(**self.create(client)), {"time_zone": "Europe/Berlin"})
        assert str(clock.zone()) == "Europe/Berlin"

    def test_the_base_currency_changes_only_while_there_are_no_amounts(self, api):
        client = api()
        pk = self.create(client)["id"]
        assert client.patch(f"company/{pk}", {"currency": "eur"}).json()["currency"] == "EUR"
        self.make(entity_named("campaigns").model, name="Fair", budget="10.00")
        refused = client.patch(f"company/{pk}", {"currency": "CNY"})
        assert [error["field"] for error in refused.json()["errors"]] == ["currency"]
        assert Company.objects.get().currency == "EUR"

    def test_who_left_is_no_approver(self, api, person):
        client, gone = api(), person()
        User.objects.filter(pk=gone.pk).update(state="left")
        pk = self.create(client)["id"]
        assert client.patch(f"company/{pk}", {"approver_of_last_resort_id": gone.pk}).status_code == 422

    def test_it_stays(self, api):
        client = api()
        pk = self.create(client)["id"]
        assert client.act("company", pk, "archive").status_code == 409
        assert Company.objects.get().archived_at is None


class TestDataGroups(EntityTestCase):
    """Groups of personal data."""

    resource = "data-groups"
    change = {"months": 12}

    def create(self, client):
        (one,) = (row for row in client.get("data-groups").json()["items"] if row["code"] == "leads")
        return client.get(f"data-groups/{one['id']}").json()

    def test_it_decides_whether_those_with_the_right_see_at_once(self, api, root):
        customer = save_record(Customer, {"name": "A"}, actor=root)
        pk = save_record(Contact, {"customer": customer.pk, "name": "B", "mobile": "13812345678"}, actor=root).pk
        client = api()
        assert client.get(f"contacts/{pk}").json()["mobile"] == "138****5678"
        (one,) = (row for row in client.get("data-groups").json()["items"] if row["code"] == "contacts")
        assert client.patch(f"data-groups/{one['id']}", {"masked": False}).status_code == 200
        forget_everything()
        assert client.get(f"contacts/{pk}").json()["mobile"] == "13812345678"
        grants = {"contacts.view": "all", "customers.view": "all"}
        save_record(Role, {"code": "reader", "name": "R", "grants": grants}, actor=root)
        assert api("reader").get(f"contacts/{pk}").json()["mobile"] == "138****5678"


class TestNumberSeries(EntityTestCase):
    """How numbers look."""

    resource = "number-series"
    change = {"digits": 5}

    def create(self, client):
        return client.get(
            "number-series/{id}".format(**client.get("number-series?resource=orders").json()["items"][0])
        ).json()

    def test_it_says_the_next_number_and_which_have_no_gaps(self, api):
        client = api()
        pk = self.create(client)["id"]
        client.patch(f"number-series/{pk}", {"prefix": "DD", "date_format": "", "digits": 4})
        assert client.get(f"number-series/{pk}").json()["next_number"] == "DD0001"
        gapless = {one["resource"]: one["gapless"] for one in client.get("number-series?limit=200").json()["items"]}
        assert (gapless["invoices"], gapless["quotes"]) == (True, False)

    @pytest.mark.parametrize("prefix", ["", "1A", "S-O", "QU", "qu"])
    def test_it_refuses_prefixes_by_which_numbers_could_be_mistaken(self, api, prefix):
        client = api()
        pk = self.create(client)["id"]
        assert client.patch(f"number-series/{pk}", {"prefix": prefix}).status_code == 422
        assert client.get(f"number-series/{pk}").json()["prefix"] == "SO"


class TestExchangeRates(EntityTestCase):
    """Exchange rates."""

    resource = "exchange-rates"
    change = {"rate": "7.2"}

    def values(self):
        return {"currency": "USD", "valid_from": str(date(2026, 1, 1) + timedelta(next(serial))), "rate": "7.1"}

    def test_a_list_is_imported_by_currency_and_day(self, root, tmp_path):
        file = tmp_path / "rates.csv"
        file.write_text("Currency,Valid from,Rate\nUSD,2026-01-01,7.10\nUSD,2026-02-01,7.20\nEUR,2026-01-01,7.80\n")
        first = run_import("exchange-rates", file, actor=root)
        assert (first.created, first.updated, first.failed) == (3, 0, 0)
        file.write_text("Currency,Valid from,Rate\nUSD,2026-02-01,7.25\nUSD,2026-03-01,7.30\nCNY,2026-03-01,1\n")
        again = run_import("exchange-rates", file, actor=root, on_error="skip")
        assert (again.created, again.updated, again.failed) == (1, 1, 1)
        days = (date(2026, 1, 31), date(2026, 2, 1), date(2026, 4, 1))
        assert [str(exchange_rate("USD", day).normalize()) for day in days] == ["7.1", "7.25", "7.3"]
        with pytest.raises(ValidationFailed, match="no exchange rate for USD on 2025-12-31"):
            exchange_rate("USD", date(2025, 12, 31))

    @pytest.mark.parametrize("currency", ["US1", "dollar", "CNY", "cny"])
    def test_it_refuses_what_is_no_foreign_currency(self, api, currency):
        response = api().post("exchange-rates", {**self.values(), "currency": currency})
        assert [error["field"] for error in response.json()["errors"]] == ["currency"]
        assert not ExchangeRate.objects.exists()


class TestWorkingHours(EntityTestCase):
    """The week, which is shipped and only changed."""

    resource = "working-hours"
    change = {"hours": "08:30-12:00, 13:00-17:30"}

    def create(self, client):
        return client.get("working-hours?weekday=1").json()["items"][0]

    @pytest.mark.parametrize("hours", ["morning", "12:00-09:00"])
    def test_it_refuses_hours_that_make_no_sense(self, api, hours):
        client = api()
        pk = self.create(client)["id"]
        response = client.patch(f"working-hours/{pk}", {"hours": hours})
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == "hours"
        assert client.get(f"working-hours/{pk}").json()["hours"] == "09:00-18:00"

    def test_it_refuses_a_week_off(self, api):
        client = api()
        WorkingDay.objects.exclude(weekday=1).update(hours="")
        pk = self.create(client)["id"]
        assert client.patch(f"working-hours/{pk}", {"hours": ""}).status_code == 422
        assert WorkingDay.objects.get(pk=pk).hours == "09:00-18:00"

    def test_a_limit_is_counted_by_new_hours_at_once(self, api):
        client = api()
        assert is_working_day(date(2026, 11, 23))
        client.patch("working-hours/{id}".format(**self.create(client)), {"hours": ""})
        assert not is_working_day(date(2026, 11, 23))


class TestSpecialDays(EntityTestCase):
    """Holidays and make-up days."""

    resource = "special-days"
    change = {"name": "Founding day"}

    def values(self):
        return {"day": str(date(2030, 1, 1) + timedelta(next(serial))), "name": "Closed"}

    def test_a_day_counts_until_it_is_taken_back(self, api):
        client = api()
        pk = client.post("special-days", {"day": "2030-03-05", "name": "Closed", "works_like": None}).json()["id"]
        assert not is_working_day(date(2030, 3, 5))
        client.patch(f"special-days/{pk}", {"works_like": 2})
        assert is_working_day(date(2030, 3, 5))
        client.patch(f"special-days/{pk}", {"works_like": None})
        assert client.delete(f"special-days/{pk}").status_code == 204
        assert is_working_day(date(2030, 3, 5))


class TestBodies(EntityTestCase):
    """Standing groups with members, duties and a chair."""

    resource = "bodies"
    change = {"duties": "Keeps the policies."}

    def values(self):
        number = next(serial)
        chair = self.make(User, username=f"chair{number}", name="Chair")
        return {
            "name": f"Committee {number}",
            "chair_id": chair.pk,
            "members": [{"member_id": chair.pk, "duty": "Leads"}],
        }


class TestStateLimits(EntityTestCase):
    """Limits by page and API."""

    resource = "state-limits"
    change = {"minutes": 60}

    def values(self):
        taken = set(StateLimit.objects.values_list("resource", "state"))
        free = ((one.name, state) for one in stateful() for state in states_of(one))
        name, state = next(pair for pair in free if pair not in taken)
        return {"resource": name, "state": state, "minutes": 30}

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"resource": "products", "state": "new"}, "resource"),
            ({"state": "asleep"}, "state"),
            ({"minutes": 0}, "minutes"),
            ({"escalation_minutes": 29}, "escalation_minutes"),
        ],
    )
    def test_it_refuses_what_makes_no_sense(self, root, values, field):
        given = {"resource": "leads", "state": "new", "minutes": 30} | values
        with pytest.raises(ValidationFailed) as failure:
            save_record(StateLimit, given, actor=root)
        assert [error.field for error in failure.value.errors] == [field]
        assert not StateLimit.objects.exists()


class TestDictionaries(EntityTestCase):
    """Dictionaries, which are shipped and only changed."""

    resource = "dictionaries"
    change = {"name": "Trades", "closed": True}

    def create(self, client):
        return client.get(
            "dictionaries/{id}".format(**client.get("dictionaries?code=industries").json()["items"][0])
        ).json()


class TestCustomFields(EntityTestCase):
    """Fields that the company adds."""

    resource = "custom-fields"
    change = {"label_zh": "改名", "required": True}

    def values(self):
        return {"resource": "customers", "code": f"extra_{next(serial)}", "kind": "text", "label_zh": "附加"}
