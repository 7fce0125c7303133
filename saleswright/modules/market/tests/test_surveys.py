"""Questionnaires: drawing them up, branches, inviting, answering by a link once, figures."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal
from statistics import mean as slow_mean
from statistics import median as slow_median

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from saleswright.interface.testing import EntityTestCase
from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.market.models import Survey, SurveyAnswer, SurveyInvitation, SurveyQuestion, SurveyReply
from saleswright.modules.market.surveys import public_pages
from saleswright.modules.market.surveys.answering import open_door, take_answer, token_of
from saleswright.modules.market.surveys.branching import asked, passes
from saleswright.modules.market.surveys.results import mean, median, net_promoters, results
from saleswright.modules.market.surveys.states import QuestionKind

pytestmark = pytest.mark.django_db
_serial = itertools.count(1)

QUESTIONS = [
    {"code": "buys", "kind": "choice", "text": "Do you buy from us?", "options": "yes\nno", "required": True},
    {"code": "nps", "kind": "nps", "text": "Would you recommend us?", "required": True, "branch_on": "buys",
     "branch_test": "is", "branch_value": "yes"},
    {"code": "why", "kind": "text", "text": "What went wrong?", "required": True, "branch_on": "nps",
     "branch_test": "most", "branch_value": "6"},
    {"code": "seen", "kind": "multi", "text": "Where have you seen us?", "options": "fair\nweb\nfriends"},
    {"code": "staff", "kind": "number", "text": "How many work with you?", "minimum": "1", "maximum": "5000"},
    {"code": "since", "kind": "date", "text": "Since when?"},
    {"code": "price", "kind": "scale", "text": "Price", "steps": 5, "low_label": "poor", "high_label": "good"},
]  # fmt: skip


class TestSurveys(EntityTestCase):
    resource = "surveys"
    change = {"title": "Another title"}

    def values(self):
        return {"title": f"Survey {next(_serial)}", "questions": QUESTIONS}


class TestSurveyInvitations(EntityTestCase):
    resource = "survey-invitations"

    def create(self, client):
        invitation = make_invitation(make_survey())
        return client.get(f"survey-invitations/{invitation.pk}").json()


class TestSurveyAnswers(EntityTestCase):
    resource = "survey-answers"

    def create(self, client):
        survey = make_survey()
        answer = take_answer(open_door(token_of(make_invitation(survey))), {"buys": ["no"]}, "", at=clock.now())
        return client.get(f"survey-answers/{answer.pk}").json()


def make_survey(*, opened=True, questions=QUESTIONS, **values):
    survey = save_record(
        Survey, {"title": f"Survey {next(_serial)}", **values}, lines={"questions": questions}, actor=system("test")
    )
    if opened:
        entity_transition("open")(survey.pk, actor=system("test"))
        survey.refresh_from_db()
    return survey


def entity_transition(name):
    from saleswright.kernel.resources import resource_named

    return resource_named("surveys").transition(name)


def make_invitation(survey, **values):
    given = {"survey": survey.pk, "name": "Somebody", "expires_at": clock.now() + timedelta(days=30), **values}
    return save_record(SurveyInvitation, given, actor=system("test"))


def make_contact(**values):
    customer = save_record(Customer, {"name": f"Customer {next(_serial)}"}, actor=system("test"))
    return save_record(Contact, {"customer": customer.pk, "name": "Li", **values}, actor=system("test"))


@pytest.fixture(autouse=True)
def _unlimited(monkeypatch):
    """Limits count over all tests of a process; the one that is about them sets its own."""
    from django.core.cache import cache

    cache.clear()


# --- drawing up ------------------------------------------------------------------------------------------------


def test_it_gives_questions_a_code(api):
    question = {"kind": "text", "text": "Why?"}
    body = api().post("surveys", {"title": "S", "questions": [question, {**question, "code": "q1"}]}).json()
    assert [one["code"] for one in body["questions"]] == ["q2", "q1"]


@pytest.mark.parametrize(
    ("question", "name", "message"),
    [
        ({"kind": "choice", "options": "one"}, "options", "Give 2 to 50 options, one a line."),
        ({"kind": "multi", "options": "a\na"}, "options", "Two options are the same."),
        ({"kind": "choice", "options": "a\n" + "b" * 101}, "options", "An option has at most 100 characters."),
        ({"kind": "number", "minimum": "5", "maximum": "4"}, "maximum", "The greatest is below the smallest."),
        ({"branch_on": "late"}, "branch_on", "Only an earlier question can be meant."),
        ({"branch_on": "buys"}, "branch_test", "Say what the answer must be."),
        ({"branch_on": "buys", "branch_test": "least", "branch_value": "1"}, "branch_test",
         "This test doesn't fit the kind of that question."),
        ({"branch_on": "note", "branch_test": "is", "branch_value": "1"}, "branch_test",
         "This test doesn't fit the kind of that question."),
        ({"branch_on": "nps", "branch_test": "least", "branch_value": "x"}, "branch_value", "Enter a number."),
        ({"branch_on": "buys", "branch_test": "is", "branch_value": "maybe"}, "branch_value",
         "Name options of that question, one a line."),
    ],
)  # fmt: skip
def test_it_refuses_a_question_that_makes_no_sense(api, question, name, message):
    first = [QUESTIONS[0], {"code": "nps", "kind": "nps", "text": "N"}, {"code": "note", "kind": "text", "text": "T"}]
    last = {"code": "late", "kind": "text", "text": "Later"}
    response = api().post("surveys", {"title": "S", "questions": [*first, {"kind": "text", "text": "Q", **question},
                                                                  last]})  # fmt: skip
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert (error["field"], error["message"]) == (f"questions.3.{name}", message)
    assert not Survey.objects.exists()


def test_it_refuses_two_questions_of_one_code(api):
    response = api().post("surveys", {"title": "S", "questions": [QUESTIONS[0], QUESTIONS[0]]})
    assert response.json()["errors"][0]["message"] == "Two questions have the same code."


def test_it_refuses_more_questions_than_anybody_answers(api):
    many = [{"kind": "text", "text": "Q"} for _number in range(101)]
    response = api().post("surveys", {"title": "S", "questions": many})
    assert response.json()["errors"][0]["message"] == "At most 100 questions."


def test_its_questions_stand_fast_once_it_takes_answers(api):
    survey = make_survey()
    client = api()
    path = f"surveys/{survey.pk}"
    response = client.patch(path, {"questions": [QUESTIONS[0]]}, If_Match=client.get(path)["ETag"])
    assert response.json()["errors"][0]["message"] == "The questions stand fast once answers are taken."
    assert survey.questions.count() == len(QUESTIONS)
    assert client.patch(path, {"title": "New"}, If_Match=client.get(path)["ETag"]).status_code == 200


def test_it_is_not_opened_without_questions_or_after_its_last_day(api):
    empty = make_survey(opened=False, questions=[])
    past = make_survey(opened=False, closes_on=clock.today() - timedelta(days=1))
    client = api()
    assert client.act("surveys", empty.pk, "open").json()["detail"] == "There are no questions yet."
    assert client.act("surveys", past.pk, "open").json()["detail"] == "Its last day has passed."
    assert set(Survey.objects.values_list("status", flat=True)) == {"draft"}


def test_a_closed_one_takes_no_edits_until_it_is_opened_again(api):
    survey, client = make_survey(), api()
    assert client.act("surveys", survey.pk, "close").json()["status"] == "closed"
    path = f"surveys/{survey.pk}"
    assert client.patch(path, {"title": "New"}, If_Match=client.get(path)["ETag"]).status_code == 409
    assert client.act("surveys", survey.pk, "reopen").json()["status"] == "open"


def test_a_copy_asks_the_same_and_is_a_draft(api):
    survey = make_survey()
    pk = api().act("surveys", survey.pk, "copy").json()["id"]
    copy = Survey.objects.get(pk=pk)
    assert (copy.status, copy.title) == ("draft", f"{survey.title} (copy)")
    assert list(copy.questions.values_list("code", "branch_on")) == list(
        survey.questions.values_list("code", "branch_on")
    )


# --- branches --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("test", "value", "answer", "expected"),
    [
        ("is", "a\nb", ["b"], True), ("is", "a\nb", ["c"], False), ("is", "a", None, False),
        ("not", "a", ["b"], True), ("not", "a", ["a", "b"], False), ("not", "a", [], False),
        ("least", "7", Decimal(7), True), ("least", "7", Decimal(6), False), ("least", "x", Decimal(6), False),
        ("most", "6", Decimal(6), True), ("most", "6", Decimal(7), False), ("most", "6", ["6"], False),
        ("", "6", Decimal(1), False),
    ],
)  # fmt: skip
def test_a_branch_passes(test, value, answer, expected):
    assert passes(SurveyQuestion(branch_test=test, branch_value=value), answer) is expected


def slowly_asked(questions, answers):
    """Whether each question is asked, found from each one upwards."""
    by_code = {one.code: one for one in questions}

    def is_asked(one):
        if not one.branch_on:
            return True
        source = by_code.get(one.branch_on)
        earlier = source is not None and questions.index(source) < questions.index(one)
        return earlier and is_asked(source) and passes(one, answers.get(one.branch_on))

    return [one for one in questions if is_asked(one)]


@given(
    st.lists(st.tuples(st.integers(-1, 7), st.sampled_from(["is", "not"]), st.sampled_from("ab")), max_size=8),
    st.dictionaries(st.integers(0, 7), st.sampled_from("abc"), max_size=8),
)
def test_it_asks_what_its_branches_lead_to(shapes, given_answers):
    questions = [
        SurveyQuestion(
            code=f"q{place}", kind=QuestionKind.CHOICE, options="a\nb\nc",
            branch_on=f"q{source}" if source >= 0 else "", branch_test=test, branch_value=value,
        )
        for place, (source, test, value) in enumerate(shapes)
    ]  # fmt: skip
    answers = {f"q{place}": [text] for place, text in given_answers.items()}
    assert asked(questions, answers) == slowly_asked(questions, answers)


# --- inviting --------------------------------------------------------------------------------------------------


def test_it_invites_contacts_who_consent_once(api):
    survey, contact = make_survey(), make_contact()
    make_contact(may_be_contacted=False)
    quiet = save_record(
        Contact, {"customer": contact.customer_id, "name": "Quiet", "may_be_contacted": False}, actor=system("test")
    )
    client = api()
    said = client.act("surveys", survey.pk, "invite", customer_id=contact.customer_id, names="Wang\n\n Zhao ").json()
    assert said == {"invited": 3, "left_out": 1}
    rows = (
        SurveyInvitation.objects.filter(survey=survey).order_by("id").values_list("name", "customer_id", "contact_id")
    )
    assert list(rows) == [("Li", contact.customer_id, contact.pk), ("Wang", None, None), ("Zhao", None, None)]
    again = client.act("surveys", survey.pk, "invite", contacts=[{"contact_id": contact.pk}, {"contact_id": quiet.pk}])
    assert again.status_code == 409
    assert SurveyInvitation.objects.count() == 3


@pytest.mark.parametrize(
    ("arguments", "field", "message"),
    [
        ({}, "contact_id", "Say who is invited."),
        ({"names": "A", "days": 0}, "days", "1 to 365 days."),
        ({"names": "A\n" * 1001}, "names", "At most 1000 at a time."),
    ],
)
def test_it_refuses_an_invitation_of_nobody(api, arguments, field, message):
    response = api().act("surveys", make_survey().pk, "invite", **arguments)
    error = response.json()["errors"][0]
    assert (error["field"], error["message"]) == (field, message)
    assert not SurveyInvitation.objects.exists()


def test_a_revoked_link_is_expired_and_an_answered_one_is_not_revoked(api):
    survey = make_survey()
    open_one, answered = make_invitation(survey), make_invitation(survey)
    client = api()
    assert client.act("survey-invitations", open_one.pk, "revoke").status_code == 200
    assert Client().get(f"/s/{token_of(open_one)}?lang=en").status_code == 410
    take_answer(open_door(token_of(answered)), {"buys": ["no"]}, "", at=clock.now())
    assert client.act("survey-invitations", answered.pk, "revoke").json()["detail"] == "It was answered already."


def test_its_links_are_read_by_whoever_sees_the_questionnaire(api, person):
    mine = person("sales_manager")
    client = api(mine)
    pk = client.post("surveys", {"title": "Mine", "questions": [QUESTIONS[0]]}).json()["id"]
    client.act("surveys", pk, "open")
    client.act("surveys", pk, "invite", names="Wang")
    (item,) = client.get(f"survey-invitations?survey_id={pk}").json()["items"]
    link = client.get(f"survey-invitations/{item['id']}").json()["link"]
    assert Client().get(f"{link}?lang=en").status_code == 200
    assert api("sales_manager").get(f"survey-invitations/{item['id']}").status_code == 404
    assert api("sales_representative").get(f"survey-invitations?survey_id={pk}").status_code == 403


# --- answering -------------------------------------------------------------------------------------------------

FULL = {"buys": "yes", "nps": "3", "why": "too slow", "seen": ["fair", "web"], "staff": "12.5", "since": "2024-02-29",
        "price": "4"}  # fmt: skip


def test_it_keeps_what_was_answered():
    survey = make_survey()
    contact = make_contact()
    invitation = make_invitation(survey, contact=contact.pk)
    response = Client().post(f"/s/{token_of(invitation)}?lang=en", FULL)
    assert (response.status_code, response["Location"].split("?")[0]) == (302, f"/s/{token_of(invitation)}")
    answer = SurveyAnswer.objects.get()
    assert (answer.invitation_id, answer.customer_id, answer.answered_on) == (
        invitation.pk, contact.customer_id, clock.today(),
    )  # fmt: skip
    rows = SurveyReply.objects.order_by("id").values_list("question__code", "option", "number", "day", "text")
    assert list(rows) == [
        ("buys", "yes", None, None, ""),
        ("nps", "", Decimal(3), None, ""),
        ("why", "", None, None, "too slow"),
        ("seen", "fair", None, None, ""),
        ("seen", "web", None, None, ""),
        ("staff", "", Decimal("12.5"), None, ""),
        ("since", "", None, date(2024, 2, 29), ""),
        ("price", "", Decimal(4), None, ""),
    ]
    invitation.refresh_from_db()
    assert invitation.answered_on == clock.today()
    assert AuditEntry.objects.filter(resource="survey-answers", record_id=answer.pk, action="created").exists()


def test_it_drops_answers_to_what_is_not_asked():
    survey = make_survey()
    take_answer(open_door(token_of(make_invitation(survey))), {"buys": ["no"], "nps": ["9"], "why": ["x"]}, "",
                at=clock.now())  # fmt: skip
    assert list(SurveyReply.objects.values_list("question__code", flat=True)) == ["buys"]


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"buys": ""}, "buys", "Please answer this question."),
        ({"buys": "maybe"}, "buys", "Choose from the options."),
        ({"buys": ["yes", "no"]}, "buys", "Choose from the options."),
        ({"nps": "11"}, "nps", "Choose a step of the scale."),
        ({"nps": "1.5"}, "nps", "Choose a step of the scale."),
        ({"why": "x" * 2001}, "why", "At most 2000 characters."),
        ({"staff": "0"}, "staff", "At least 1."),
        ({"staff": "5001"}, "staff", "At most 5000."),
        ({"staff": "many"}, "staff", "Enter a number."),
        ({"since": "2023-02-29"}, "since", "Enter a day such as 2026-11-25."),
        ({"since": "yesterday"}, "since", "Enter a day such as 2026-11-25."),
    ],
)
def test_it_says_beside_the_question_what_is_wrong(changes, code, message):
    invitation = make_invitation(make_survey())
    response = Client().post(f"/s/{token_of(invitation)}?lang=en", {**FULL, **changes})
    text = response.content.decode()
    assert response.status_code == 422
    assert f'id="n-{code}"><p>{message}' in text
    assert not SurveyAnswer.objects.exists()
    assert not SurveyInvitation.objects.exclude(answered_on=None).exists()


def test_a_link_is_good_for_one_answer():
    invitation = make_invitation(make_survey())
    address = f"/s/{token_of(invitation)}?lang=en"
    assert Client().post(address, FULL).status_code == 302
    second = Client().post(address, FULL)
    assert second.status_code == 409
    assert "answered already" in second.content.decode()
    assert Client().get(address).status_code == 410
    assert SurveyAnswer.objects.count() == 1


@pytest.mark.parametrize("token", ["x", "ix", "i~", "s" * 200, "i123~abcdefghijklmnopqrstuvwxyz0123456789abcdefg"])
def test_nobody_guesses_a_link(token):
    response = Client().get(f"/s/{token}?lang=en")
    assert response.status_code == 404
    assert "leads nowhere" in response.content.decode()


def test_a_link_of_another_secret_leads_nowhere(settings):
    token = token_of(make_invitation(make_survey()))
    settings.SECRET_KEY = "another" * 10
    assert Client().get(f"/s/{token}").status_code == 404


def test_a_draft_is_not_out_yet():
    assert Client().get(f"/s/{token_of(make_invitation(make_survey(opened=False)))}").status_code == 404


@pytest.mark.parametrize("values", [{"expires_at": "past"}, {"closes_on": "past"}, {"close": True}])
def test_nothing_is_taken_when_the_time_is_over(values):
    survey = make_survey()
    invitation = make_invitation(survey)
    past = clock.now() - timedelta(days=2)
    if "expires_at" in values:
        SurveyInvitation.objects.filter(pk=invitation.pk).update(expires_at=past)
    elif "closes_on" in values:
        Survey.objects.filter(pk=survey.pk).update(closes_on=past.date())
    else:
        entity_transition("close")(survey.pk, actor=system("test"))
    response = Client().post(f"/s/{token_of(invitation)}?lang=en", FULL)
    assert response.status_code == 409
    assert not SurveyAnswer.objects.exists()


def test_an_anonymous_one_keeps_who_answered_but_not_what():
    invitation = make_invitation(make_survey(anonymous=True), contact=make_contact().pk)
    Client().post(f"/s/{token_of(invitation)}", FULL)
    answer = SurveyAnswer.objects.get()
    assert (answer.invitation_id, answer.customer_id) == (None, None)
    assert invitation.nonce not in answer.ticket
    invitation.refresh_from_db()
    assert invitation.answered_on == clock.today()


def ticket_in(page):
    return page.content.decode().split('name="ticket" value="')[1].split('"')[0]


def test_the_common_link_takes_one_answer_of_a_page():
    survey = make_survey(anybody=True)
    address = f"/s/{token_of(survey)}"
    ticket = ticket_in(Client().get(address))
    assert Client().post(address, {**FULL, "ticket": ticket}).status_code == 302
    assert Client().post(address, {**FULL, "ticket": ticket}).status_code == 409
    assert Client().post(address, {**FULL, "ticket": ticket_in(Client().get(address))}).status_code == 302
    assert SurveyAnswer.objects.count() == 2


@pytest.mark.parametrize("ticket", ["", "made up"])
def test_the_common_link_refuses_a_page_that_is_not_ours(ticket):
    survey = make_survey(anybody=True)
    response = Client().post(f"/s/{token_of(survey)}?lang=en", {**FULL, "ticket": ticket})
    assert response.status_code == 422
    assert "The page was open for long" in response.content.decode()
    assert not SurveyAnswer.objects.exists()


def test_it_has_no_common_link_unless_it_is_open_to_anybody():
    assert Client().get(f"/s/{token_of(make_survey())}").status_code == 404


def test_it_takes_so_many_answers_from_an_address(monkeypatch):
    monkeypatch.setattr(public_pages, "ANSWERS", public_pages.Limit("survey-answer-test", 1, 600))
    survey = make_survey()
    assert Client().post(f"/s/{token_of(make_invitation(survey))}", FULL).status_code == 302
    response = Client().post(f"/s/{token_of(make_invitation(survey))}", FULL)
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert SurveyAnswer.objects.count() == 1


def test_it_looks_at_so_many_links_for_an_address(monkeypatch):
    monkeypatch.setattr(public_pages, "LOOKS", public_pages.Limit("survey-look-test", 1, 600))
    assert Client().get("/s/wrong").status_code == 404
    assert Client().get("/s/wrong").status_code == 429


def test_it_notes_the_day_on_which_a_link_was_first_opened():
    invitation = make_invitation(make_survey())
    Client().get(f"/s/{token_of(invitation)}")
    invitation.refresh_from_db()
    assert invitation.seen_on == clock.today()


@pytest.mark.parametrize(("lang", "word"), [("zh-hans", "提交"), ("en", "Send answers")])
def test_its_page_speaks_the_language_of_the_visitor(lang, word):
    page = Client().get(f"/s/{token_of(make_invitation(make_survey()))}", headers={"Accept-Language": lang})
    assert word in page.content.decode()


# --- figures ---------------------------------------------------------------------------------------------------


def test_it_counts_what_was_answered():
    survey = make_survey()
    for score, seen in (("10", ["fair"]), ("9", ["fair", "web"]), ("3", []), ("7", [])):
        given = {"buys": ["yes"], "nps": [score], "why": ["slow"], "seen": seen, "staff": [score]}
        take_answer(open_door(token_of(make_invitation(survey))), given, "", at=clock.now())
    make_invitation(survey)
    found = results(survey, system("test"))
    by_code = {one.question.code: one for one in found.findings}
    assert (found.invited, found.returned, found.answers, found.rate) == (5, 4, 4, Decimal("80.0"))
    assert by_code["buys"].counts == [("yes", 4), ("no", 0)]
    assert by_code["nps"].nps == Decimal("25.0")
    assert (by_code["nps"].mean, by_code["nps"].median) == (Decimal("7.25"), Decimal("8.00"))
    assert [count for _step, count in by_code["nps"].counts] == [0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1]
    assert (by_code["seen"].count, by_code["seen"].counts) == (2, [("fair", 2), ("web", 1), ("friends", 0)])
    assert by_code["seen"].share(1) == Decimal("50.0")
    assert (by_code["why"].count, by_code["why"].texts) == (1, ["slow"])
    assert by_code["price"].count == 0


def test_its_figures_are_of_the_period_that_is_asked_for(browse):
    survey = make_survey()
    answer = take_answer(open_door(token_of(make_invitation(survey))), {"buys": ["no"]}, "", at=clock.now())
    SurveyAnswer.objects.filter(pk=answer.pk).update(answered_on=date(2026, 1, 31))
    client = browse()
    inside = client.get(f"/surveys/{survey.pk}/results?from=2026-01-31&to=2026-01-31").content.decode()
    outside = client.get(f"/surveys/{survey.pk}/results?from=2026-02-01").content.decode()
    assert 'class="plot"' in inside
    assert 'class="plot"' not in outside


@given(st.dictionaries(st.integers(0, 10).map(Decimal), st.integers(1, 5), min_size=1))
def test_mean_median_and_nps_are_those_of_the_values(counts):
    values = [value for value, count in counts.items() for _number in range(count)]
    assert abs(mean(counts) - Decimal(slow_mean(values))) <= Decimal("0.005")
    assert median(counts) == Decimal(slow_median(values)).quantize(Decimal("0.01"))
    promoters, detractors = sum(value >= 9 for value in values), sum(value <= 6 for value in values)
    assert abs(net_promoters(counts) - Decimal(100 * (promoters - detractors)) / len(values)) <= Decimal("0.05")


def test_it_takes_as_many_statements_for_many_answers_as_for_few(django_assert_max_num_queries):
    survey = make_survey()
    for _number in range(3):
        take_answer(open_door(token_of(make_invitation(survey))), {"buys": ["no"]}, "", at=clock.now())
    with django_assert_max_num_queries(8):
        results(survey, system("test"))


def test_it_exports_a_row_for_each_answer(browse):
    survey = make_survey()
    for sent in ({"buys": ["yes"], "nps": ["2"], "why": ["=1+1"], "seen": ["fair", "web"]}, {"buys": ["no"]}):
        take_answer(open_door(token_of(make_invitation(survey))), sent, "", at=clock.now())
    response = browse("sales_operations").get(f"/surveys/{survey.pk}/results/export?format=csv")
    head, first, second = response.content.decode("utf-8-sig").strip().splitlines()
    assert head.count(",") == 3 + len(QUESTIONS)
    assert ",yes,2," in first
    assert ",=1+1" not in first
    assert "fair; web" in first
    assert ",no,,,," in second
    assert AuditEntry.objects.get(resource="surveys", action="exported").changes == {"count": [None, 2]}


def test_it_exports_nothing_without_the_right(browse):
    assert browse("service_agent").get(f"/surveys/{make_survey().pk}/results/export").status_code in {403, 404}
    assert not AuditEntry.objects.filter(action="exported").exists()


# --- the builder -----------------------------------------------------------------------------------------------


def form_of(*questions, **head):
    found = {"title": "Built", "intro": "", "thanks": "", **head}
    for place, question in enumerate(questions):
        blank = dict.fromkeys(("code", "text", "help", "options", "branch_on", "branch_test", "branch_value"), "")
        for name, value in {**blank, "kind": "text", **question}.items():
            found[f"steps-k{place}-{name}"] = value
    return found


def test_the_builder_saves_questions_in_their_order(browse):
    form = form_of(
        {"code": "a", "kind": "choice", "text": "First", "options": "x\r\ny", "required": "1"},
        {"code": "b", "kind": "number", "text": "Second", "minimum": "", "maximum": "9", "branch_on": "a",
         "branch_test": "is", "branch_value": "y"},
    )  # fmt: skip
    response = browse("sales_manager").post("/surveys/new", form)
    survey = Survey.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/surveys/{survey.pk}")
    rows = survey.questions.order_by("position").values_list("code", "options", "required", "maximum", "branch_value")
    assert list(rows) == [("a", "x\ny", True, None, ""), ("b", "", False, Decimal(9), "y")]


def test_the_builder_shows_what_is_wrong_and_keeps_what_was_typed(browse):
    response = browse("sales_manager", language="en").post(
        "/surveys/new", form_of({"code": "a", "kind": "choice", "text": "Kept", "options": "x"})
    )
    text = response.content.decode()
    assert response.status_code == 422
    assert "Give 2 to 50 options, one a line." in text
    assert 'value="Kept"' in text
    assert not Survey.objects.exists()


def test_the_builder_changes_only_the_head_of_one_that_takes_answers(browse):
    survey = make_survey()
    client = browse()
    page = client.get(f"/surveys/{survey.pk}/edit").content.decode()
    assert "survey-questions" not in page
    client.post(f"/surveys/{survey.pk}/edit", {**form_of(title="Another"), "version": str(survey.version)})
    survey.refresh_from_db()
    assert (survey.title, survey.questions.count()) == ("Another", len(QUESTIONS))


def test_the_builder_notices_that_somebody_else_was_faster(browse):
    survey = make_survey(opened=False)
    response = browse(language="en").post(f"/surveys/{survey.pk}/edit", {**form_of(), "version": "99"})
    assert response.status_code == 422
    assert "Someone else changed this record meanwhile" in response.content.decode()


def test_its_preview_says_the_branches_in_words(browse):
    form = form_of(
        {"code": "a", "kind": "scale", "text": "First", "steps": "5"},
        {"code": "b", "text": "Second", "branch_on": "a", "branch_test": "most", "branch_value": "2"},
    )
    page = browse("sales_manager", language="en").post("/surveys/preview", form).content.decode()
    assert "Only if “First” is at most 2" in page
    assert page.count("<span>") == 5


def test_its_pages_are_for_those_with_the_right(browse):
    survey, client = make_survey(), browse("warehouse")
    paths = ("/surveys/new", "/surveys/question", f"/surveys/{survey.pk}/edit", f"/surveys/{survey.pk}/results",
             f"/surveys/{survey.pk}/results/panel", f"/surveys/{survey.pk}/results/export")  # fmt: skip
    assert {client.get(path).status_code for path in paths} <= {403, 404}
    assert client.post("/surveys/preview", {}).status_code == 403


def test_the_page_of_an_answer_shows_what_was_said(browse):
    survey = make_survey()
    answer = take_answer(open_door(token_of(make_invitation(survey))), {"buys": ["no"], "seen": ["web"]}, "",
                         at=clock.now())  # fmt: skip
    page = browse(language="en").get(f"/survey-answers/{answer.pk}/replies").content.decode()
    assert "<dd>web</dd>" in page
    assert "not answered" in page
