"""Intelligence: what it must name, checked by somebody other than its author, told of once a week."""

import itertools
from datetime import UTC, date, datetime

import pytest

from saleswright.interface.testing import EntityTestCase
from saleswright.kernel.access.actors import system
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.records import save_record
from saleswright.modules.catalog.public import Product
from saleswright.modules.market.intelligence.actions import send_digest
from saleswright.modules.market.models import Competitor, Intelligence
from saleswright.modules.work.public import Notification

pytestmark = pytest.mark.django_db
_serial = itertools.count(1)
#: a Monday morning in Shanghai, and the Sunday before
MONDAY, SUNDAY = datetime(2026, 3, 2, 0, tzinfo=UTC), datetime(2026, 3, 1, 8, tzinfo=UTC)


def make_rival():
    return save_record(Competitor, {"name": f"Rival {next(_serial)}"}, actor=system("test"))


def body(**values):
    given = {"title": f"Piece {next(_serial)}", "content": "They cut prices.", "topic": "competitor", "source": "Li"}
    return given | ({} if "competitor_id" in values else {"competitor_id": make_rival().pk}) | values


def make_piece(status="new", checked_at=None, **values):
    given = {name.removesuffix("_id"): value for name, value in body(**values).items()}
    one = save_record(Intelligence, given, actor=system("test"))
    Intelligence.objects.filter(pk=one.pk).update(status=status, checked_at=checked_at)
    return one


class TestIntelligence(EntityTestCase):
    resource = "intelligence"
    change = {"content": "They cut prices by a tenth."}

    def values(self):
        return body()


# --- what is written -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("topic", "field"), [
    ("competitor", "competitor_id"), ("product", "product_id"), ("market", "market_id"), ("industry", "industry"),
])  # fmt: skip
def test_it_must_name_what_it_is_about(api, topic, field):
    response = api().post("intelligence", body(topic=topic, competitor_id=None))
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert (error["field"], error["message"]) == (field, "Say which one it is about.")
    assert not Intelligence.objects.exists()


@pytest.mark.parametrize(("name", "value"), [
    ("observed_on", "2999-01-01"), ("source", ""), ("content", ""), ("topic", "weather"), ("source_kind", "dream"),
])  # fmt: skip
def test_it_refuses_what_makes_no_sense(api, name, value):
    response = api().post("intelligence", body(**{name: value}))
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [name]
    assert not Intelligence.objects.exists()


def test_representatives_write_and_see_what_others_wrote_but_change_only_their_own(api):
    author, other = api("sales_representative"), api("sales_representative")
    pk = author.post("intelligence", body()).json()["id"]
    assert other.get(f"intelligence/{pk}").status_code == 200
    assert other.patch(f"intelligence/{pk}", {"title": "Other"}).status_code == 403
    assert author.patch(f"intelligence/{pk}", {"title": "Mine"}).status_code == 200
    assert Intelligence.objects.get().title == "Mine"


@pytest.mark.parametrize(("query", "found"), [
    ("topic=competitor", 1), ("topic=product", 0), ("competitor_id={rival}", 1), ("competitor_id=999999", 0),
    ("status=new", 1), ("status=verified", 0), ("source_kind=other", 1), ("observed_on__gte=2999-01-01", 0),
])  # fmt: skip
def test_it_is_filtered(api, query, found):
    rival = make_rival()
    make_piece(competitor_id=rival.pk)
    assert len(api().get(f"intelligence?{query.format(rival=rival.pk)}").json()["items"]) == found


# --- checking --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("verb", "status"), [("verify", "verified"), ("refute", "refuted")])
def test_somebody_else_checks_it_and_says_how(api, verb, status):
    pk = api("sales_representative").post("intelligence", body()).json()["id"]
    checker = api("sales_director")
    assert checker.act("intelligence", pk, verb, how="Asked their dealer").status_code == 200
    one = Intelligence.objects.get()
    assert (one.status, one.checked_by, one.checked_how) == (status, checker.user, "Asked their dealer")
    assert one.checked_at is not None
    assert AuditEntry.objects.filter(resource="intelligence", record_id=pk, action=verb).exists()


@pytest.mark.parametrize("verb", ["verify", "refute"])
def test_its_author_can_not_check_it(api, verb):
    author = api("sales_director")
    pk = author.post("intelligence", body()).json()["id"]
    assert author.act("intelligence", pk, verb, how="I know").status_code == 403
    assert Intelligence.objects.get().status == "new"


def test_its_author_can_not_check_it_after_giving_it_away(api, person):
    author, other = api("sales_director"), person("sales_representative")
    pk = author.post("intelligence", body()).json()["id"]
    Intelligence.objects.filter(pk=pk).update(owner=other)
    assert author.act("intelligence", pk, "verify", how="I know").status_code == 403
    assert Intelligence.objects.get().status == "new"


def test_representatives_check_nothing(api):
    one = make_piece()
    assert api("sales_representative").act("intelligence", one.pk, "verify", how="x").status_code == 403
    assert Intelligence.objects.get().status == "new"


def test_it_is_not_checked_without_saying_how(api):
    one = make_piece()
    response = api("sales_director").act("intelligence", one.pk, "verify")
    assert response.status_code == 422
    assert Intelligence.objects.get().status == "new"


def test_what_was_checked_is_not_checked_again_nor_changed(api):
    one, client = make_piece("verified"), api("sales_director")
    assert client.act("intelligence", one.pk, "refute", how="x").status_code == 409
    assert client.patch(f"intelligence/{one.pk}", {"title": "Other"}).status_code == 409
    assert (Intelligence.objects.get().status, Intelligence.objects.get().title) == ("verified", one.title)


def test_opened_again_it_is_to_be_checked_anew(api):
    one, client = make_piece("verified", SUNDAY), api("sales_director")
    Intelligence.objects.update(digested_on=date(2026, 3, 2), checked_how="Asked", checked_by=client.user)
    assert client.act("intelligence", one.pk, "reopen").status_code == 200
    one = Intelligence.objects.get()
    assert (one.status, one.checked_by, one.checked_at, one.checked_how, one.digested_on) == (
        "new",
        None,
        None,
        "",
        None,
    )


def test_the_author_sees_no_button_to_verify(browse, person):
    author = person("sales_director")
    one = make_piece()
    Intelligence.objects.filter(pk=one.pk).update(created_by=author)
    assert "actions/verify" not in browse(author).get(f"/intelligence/{one.pk}").content.decode()
    assert "verify" in browse("sales_director").get(f"/intelligence/{one.pk}").content.decode()


# --- the digest ------------------------------------------------------------------------------------------------


def told(user):
    return list(Notification.objects.filter(user=user).values_list("text", "path"))


def test_on_monday_it_tells_those_who_sell_of_what_was_verified_last_week(person):
    seller, keeper = person("sales_representative", language="en"), person("warehouse")
    make_piece("verified", SUNDAY, title="Alpha cuts prices", observed_on="2026-02-25")
    make_piece("verified", SUNDAY, title="Beta builds", observed_on="2026-02-26")
    assert send_digest(MONDAY)["pieces"] == 2
    assert told(seller) == [
        ("Verified market intelligence (2): Beta builds; Alpha cuts prices", "/intelligence?digested_on=2026-03-02")
    ]
    assert told(keeper) == []


def test_it_names_three_and_counts_all(person):
    seller = person("sales_representative", language="en")
    for day in range(1, 6):
        make_piece("verified", SUNDAY, title=f"P{day}", observed_on=f"2026-02-0{day}")
    send_digest(MONDAY)
    assert told(seller)[0][0] == "Verified market intelligence (5): P5; P4; P3, and more"


def test_a_second_run_tells_of_nothing_twice(person):
    seller = person("sales_representative")
    make_piece("verified", SUNDAY)
    send_digest(MONDAY)
    assert send_digest(MONDAY) == {"pieces": 0, "told": 0}
    assert len(told(seller)) == 1


def test_what_a_missed_monday_left_is_told_of_on_the_next_day(person):
    seller = person("sales_representative")
    make_piece("verified", SUNDAY)
    assert send_digest(datetime(2026, 3, 4, 0, tzinfo=UTC))["pieces"] == 1
    assert len(told(seller)) == 1


@pytest.mark.parametrize(("status", "checked_at"), [
    ("verified", datetime(2026, 3, 1, 16, tzinfo=UTC)), ("new", None), ("refuted", SUNDAY),
])  # fmt: skip
def test_it_tells_neither_of_this_week_nor_of_what_is_not_verified(person, status, checked_at):
    seller = person("sales_representative")
    make_piece(status, checked_at)
    assert send_digest(MONDAY) == {"pieces": 0, "told": 0}
    assert told(seller) == []


def test_who_sees_only_their_own_is_told_only_of_that(person):
    from saleswright.kernel.models import Grant, Role

    role = Role.objects.create(code="narrow", name="Narrow", created_at=MONDAY, updated_at=MONDAY)
    Grant.objects.bulk_create(
        Grant(role=role, permission=name, scope="own") for name in ("intelligence.view", "opportunities.view")
    )
    narrow, nothing = person("narrow", language="en"), person("narrow")
    make_piece("verified", SUNDAY, title="Theirs")
    mine = make_piece("verified", SUNDAY, title="Mine")
    Intelligence.objects.filter(pk=mine.pk).update(owner=narrow)
    assert send_digest(MONDAY)["pieces"] == 2
    assert told(narrow)[0][0] == "Verified market intelligence (1): Mine"
    assert told(nothing) == []


def test_the_job_is_due_daily_and_has_a_name(root):
    from saleswright.kernel.jobs import kinds
    from saleswright.modules.integration.queries import JOBS

    assert str(kinds()["market.digest"].every) == "07:30:00"
    assert "market.digest" in JOBS


# --- on other pages --------------------------------------------------------------------------------------------


def test_the_page_of_a_competitor_shows_what_was_verified_and_counts_the_rest(browse):
    rival = make_rival()
    make_piece("verified", SUNDAY, title="Alpha cuts prices", competitor_id=rival.pk)
    make_piece(title="A rumour", competitor_id=rival.pk)
    make_piece("verified", SUNDAY, title="Of another")
    client = browse("sales_representative", language="en")
    assert f"/competitors/{rival.pk}/intelligence/panel" in client.get(f"/competitors/{rival.pk}").content.decode()
    text = client.get(f"/competitors/{rival.pk}/intelligence/panel").content.decode()
    assert "Alpha cuts prices" in text
    assert "1 not checked yet" in text
    assert "A rumour" not in text
    assert "Of another" not in text


def test_the_page_of_a_product_counts_what_is_not_shown(browse, root):
    product = save_record(Product, {"name": "Motor"}, actor=root)
    for _n in range(7):
        make_piece("verified", SUNDAY, topic="product", product_id=product.pk)
    text = browse("sales_representative", language="en").get(f"/products/{product.pk}/intelligence/panel")
    assert "2 more" in text.content.decode()


def test_what_is_known_is_for_those_who_see_intelligence(browse):
    rival, client = make_rival(), browse("partner")
    assert client.get(f"/competitors/{rival.pk}/intelligence/panel").status_code == 403
