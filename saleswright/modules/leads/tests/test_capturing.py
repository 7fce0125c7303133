"""Public forms and tracked links: what becomes a lead, what doesn't, and what strangers see."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.models import CustomField, User
from saleswright.kernel.records import save_record
from saleswright.modules.leads.flow import capturing
from saleswright.modules.leads.models import AssignmentRule, Lead, LeadCapture, LeadForm, LeadLink, LeadSource
from saleswright.modules.leads.tests.factories import make_lead
from saleswright.modules.market.models import Campaign

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 16, 2, 0, tzinfo=UTC)
_serial = itertools.count(1)
ASKED = ("company", "contact_name", "phone", "email", "need")


@pytest.fixture(autouse=True)
def _now(monkeypatch, settings):
    settings.LANGUAGE_CODE = "en"
    monkeypatch.setattr(clock, "now", lambda: NOW)


def make_form(*asked, required=(), **values):
    questions = [{"field": name, "required": name in required} for name in asked or ASKED]
    usual = {"name": f"Form {next(_serial)}", "title": "联系我们", "title_en": "Contact us", "consent_text": "我同意",
             "consent_text_en": "I agree"}  # fmt: skip
    return save_record(LeadForm, {**usual, **values}, lines={"questions": questions}, actor=system("test"))


class Visitor:
    """Somebody with a browser, at an address of their own."""

    def __init__(self, language="en"):
        number = next(_serial)
        self.client = Client(enforce_csrf_checks=True)
        self.extra = {"REMOTE_ADDR": f"10.0.{number // 250}.{number % 250}", "HTTP_ACCEPT_LANGUAGE": language}

    def get(self, path, **more):
        return self.client.get(path, **self.extra, **more)

    def send(self, form, *, age=timedelta(seconds=30), **values):
        usual = {"company": "Quay Ltd", "contact_name": "Li Lei", "phone": "13800138000", "consent": "1",
                 "ticket": capturing.new_ticket(form, NOW - age), "lang": "en"}  # fmt: skip
        return self.client.post(f"/f/{form.code}", {**usual, **values}, **self.extra)


# --- sending ---------------------------------------------------------------------------------------------------


def test_it_makes_a_lead_without_a_sign_in_or_a_cookie():
    form = make_form()
    response = Visitor().send(form, need="forty pumps")
    assert (response.status_code, response["Location"]) == (302, f"/f/{form.code}?done=1&lang=en")
    lead = Lead.objects.get()
    assert (lead.company, lead.phone, lead.need, lead.source) == ("Quay Ltd", "13800138000", "forty pumps", "web")
    assert (lead.owner_id, lead.pool.resource) == (None, "leads")
    assert lead.pool_reason == "From a public form; no rule says who gets it"


def test_it_thanks_in_the_words_of_the_form():
    form = make_form(thanks="谢谢！", thanks_en="Thanks a lot!")
    assert "Thanks a lot!" in Visitor().get(f"/f/{form.code}?done=1").content.decode()


def test_it_keeps_to_what_somebody_agreed_and_when():
    form = make_form()
    save_record(LeadForm, {"consent_text_en": "I agree to be called"}, pk=form.pk, actor=system("test"))
    Visitor().send(form, page="https://www.example.com/pumps?session=1")
    kept = LeadCapture.objects.get()
    assert (kept.consent_text, kept.consent_version, kept.consented_at) == ("I agree to be called", 2, NOW)
    assert (kept.lead, kept.page, kept.verdict) == (Lead.objects.get(), "https://www.example.com/pumps", "lead")


def test_it_is_assigned_by_the_rules(person):
    ann = person("sales_representative")
    save_record(AssignmentRule, {"name": "Turns"}, lines={"members": [{"member": ann.pk}]}, actor=system("test"))
    Visitor().send(make_form())
    assert Lead.objects.get().owner_id == ann.pk


def test_it_notes_what_it_looks_like():
    make_lead(company="Quay Ltd", phone="13900139000")
    Visitor().send(make_form())
    assert Lead.objects.latest("pk").duplicate_note.startswith("Quay Ltd · New")


def test_it_takes_source_and_campaign_of_the_form():
    campaign = save_record(Campaign, {"name": "Fair"}, actor=system("test"))
    form = make_form(source=LeadSource.objects.get(code="exhibition").pk, campaign=campaign.pk)
    Visitor().send(form)
    lead = Lead.objects.get()
    assert (lead.source, lead.campaign_id) == ("exhibition", campaign.pk)


def test_it_takes_custom_fields():
    field = {"resource": "leads", "code": "size", "kind": "choice", "label_zh": "规模", "label_en": "Size"}
    choices = [{"code": "small", "label_zh": "小", "label_en": "Small"}]
    save_record(CustomField, field, lines={"choices": choices}, actor=system("test"))
    form = make_form("company", "phone", "custom.size")
    page = Visitor().get(f"/f/{form.code}").content.decode()
    assert '<option value="small" >Small</option>' in page
    Visitor().send(form, **{"custom.size": "small"})
    assert Lead.objects.get().custom == {"size": "small"}


# --- what is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"email": "no address"}, "Enter a valid email address."),
        ({"phone": "", "email": ""}, "Give a phone number or an e-mail address."),
        ({"need": ""}, "This field is required."),
        ({"consent": ""}, "Without your consent we may not keep this."),
        ({"contact_name": "x" * 101}, "100"),
    ],
)
def test_it_says_beside_the_field_what_is_wrong_and_keeps_the_rest(values, text):
    response = Visitor().send(make_form(required=("need",)), **{"need": "forty pumps", **values})
    page = response.content.decode()
    assert response.status_code == 422
    assert text in page
    assert 'value="Quay Ltd"' in page
    assert not Lead.objects.exists()
    assert not LeadCapture.objects.exists()


def test_it_says_all_that_is_wrong_at_once():
    response = Visitor().send(make_form(required=("need",)), email="wrong", consent="")
    page = response.content.decode()
    assert "This field is required." in page
    assert "Enter a valid email address." in page
    assert "Without your consent we may not keep this." in page


def test_it_marks_what_fills_the_hidden_input_and_keeps_nothing_of_it():
    form = make_form()
    response = Visitor().send(form, homepage="http://spam.example")
    assert response.status_code == 302
    assert not Lead.objects.exists()
    mark = LeadCapture.objects.get()
    assert (mark.verdict, mark.lead_id, mark.consent_text, mark.page) == ("spam", None, "", "")


def test_it_asks_whoever_was_too_quick_to_send_it_again():
    form = make_form()
    response = Visitor().send(form, age=timedelta(seconds=1))
    assert response.status_code == 422
    assert "That was quick." in response.content.decode()
    assert not Lead.objects.exists()


def test_it_gives_a_fresh_ticket_for_one_too_old_or_forged():
    form, other = make_form(), make_form()
    for ticket in (capturing.new_ticket(form, NOW - timedelta(days=2)), capturing.new_ticket(other, NOW), "forged"):
        response = Visitor().send(form, ticket=ticket)
        assert response.status_code == 422
        assert "The page was open for long." in response.content.decode()
        assert f'value="{ticket}"' not in response.content.decode()
    assert not Lead.objects.exists()


def test_it_takes_a_page_once_however_often_it_is_sent():
    form, visitor = make_form(), Visitor()
    ticket = capturing.new_ticket(form, NOW - timedelta(seconds=30))
    assert [visitor.send(form, ticket=ticket).status_code for _time in range(2)] == [302, 302]
    assert Lead.objects.count() == 1


def test_it_takes_so_much_from_one_address_and_no_more(monkeypatch):
    from saleswright.kernel.access.limits import Limit
    from saleswright.modules.leads.flow import public_pages

    monkeypatch.setattr(public_pages, "FROM_ONE_ADDRESS", Limit("lead-form-test", 2, 600))
    form, visitor = make_form(), Visitor()
    answers = [visitor.send(form) for _time in range(3)]
    assert [one.status_code for one in answers] == [302, 302, 429]
    assert int(answers[-1]["Retry-After"]) <= 600
    assert "Too much was sent from here." in answers[-1].content.decode()
    assert Lead.objects.count() == 2
    assert Visitor().send(form).status_code == 302


def test_it_is_not_there_when_it_takes_no_answers():
    form = make_form(active=False)
    assert Visitor().get(f"/f/{form.code}").status_code == 404
    assert Visitor().get("/f/nothing").status_code == 404
    assert Visitor().send(form).status_code == 404
    assert not Lead.objects.exists()


def test_it_speaks_chinese_and_english():
    form = make_form()
    assert "联系我们" in Visitor("zh-CN,zh;q=0.9").get(f"/f/{form.code}").content.decode()
    assert "Contact us" in Visitor("en-GB").get(f"/f/{form.code}").content.decode()
    assert "联系我们" in Visitor("en-GB").get(f"/f/{form.code}?lang=zh-hans").content.decode()


# --- embedding -------------------------------------------------------------------------------------------------


def test_it_stands_in_frames_of_the_named_sites_alone():
    open_form, closed = make_form(sites="https://www.example.com/\nhttps://shop.example.com"), make_form()
    framed, alone = Visitor().get(f"/f/{open_form.code}"), Visitor().get(f"/f/{closed.code}")
    wanted = "frame-ancestors 'self' https://www.example.com https://shop.example.com"
    assert wanted in framed["Content-Security-Policy"]
    assert "X-Frame-Options" not in framed
    assert "frame-ancestors 'none'" in alone["Content-Security-Policy"]
    assert alone["X-Frame-Options"] == "DENY"
    assert wanted in Visitor().send(open_form, email="wrong")["Content-Security-Policy"]


def test_it_says_how_to_embed_it(browse):
    form = make_form(sites="https://www.example.com")
    panel = browse("administrator").get(f"/lead-forms/{form.pk}/embed/panel").content.decode()
    assert f"&lt;iframe src=&#34;http://testserver/f/{form.code}&#34;" in panel


# --- setting up ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "questions", "field"),
    [
        ({}, ["phone"], "questions"),
        ({}, ["company"], "questions"),
        ({}, ["company", "phone", "phone"], "questions.2.field"),
        ({}, ["company", "phone", "owner"], "questions.2.field"),
        ({"sites": "not a site"}, ["company", "phone"], "sites"),
        ({"consent_text": ""}, ["company", "phone"], "consent_text"),
    ],
)
def test_it_refuses_forms_that_cannot_work(api, values, questions, field):
    body = {"name": "Form", "title": "T", "consent_text": "C", **values}
    body["questions"] = [{"field": name} for name in questions]
    response = api("administrator").post("lead-forms", body)
    assert response.status_code == 422
    assert field in [one["field"] for one in response.json()["errors"]]
    assert not LeadForm.objects.exists()


def test_it_must_ask_what_leads_must_have(api):
    field = {"resource": "leads", "code": "size", "kind": "text", "label_zh": "规模", "label_en": "Size"}
    save_record(CustomField, {**field, "required": True}, actor=system("test"))
    body = {"name": "Form", "title": "T", "consent_text": "C", "questions": [{"field": "company"}, {"field": "phone"}]}
    response = api("administrator").post("lead-forms", body)
    assert response.json()["errors"][0]["message"] == "Leads must have this, so the form has to ask it: Size."


def test_it_raises_the_version_with_the_consent_alone(api):
    client, form = api("administrator"), make_form()
    assert client.patch(f"lead-forms/{form.pk}", {"title": "New"}).json()["consent_version"] == 1
    assert client.patch(f"lead-forms/{form.pk}", {"consent_text": "New"}).json()["consent_version"] == 2


def test_it_keeps_answers_from_those_without_the_right(api):
    Visitor().send(make_form())
    assert api("sales_representative").get("lead-captures").status_code == 403
    assert len(api("sales_operations").get("lead-captures").json()["items"]) == 1


# --- links -----------------------------------------------------------------------------------------------------


def make_link(form, **values):
    return save_record(LeadLink, {"name": "Stand", "form": form.pk, **values}, actor=system("test"))


def test_it_counts_visits_and_says_where_the_lead_comes_from():
    form, campaign = make_form(), save_record(Campaign, {"name": "Fair"}, actor=system("test"))
    link = make_link(form, source=LeadSource.objects.get(code="exhibition").pk, campaign=campaign.pk)
    visitor = Visitor()
    response = visitor.get(f"/l/{link.code}")
    assert response["Location"] == f"/f/{form.code}?l={link.code}"
    assert f'name="l" value="{link.code}"' in visitor.get(response["Location"]).content.decode()
    visitor.get(f"/l/{link.code}")
    visitor.send(form, l=link.code)
    lead = Lead.objects.get()
    assert (lead.link, lead.source, lead.campaign) == (link, "exhibition", campaign)
    link.refresh_from_db()
    assert (link.visits, [one.visits for one in link.days.all()]) == (2, [2])


def test_it_counts_no_prefetch_and_no_head():
    link, visitor = make_link(make_form()), Visitor()
    visitor.get(f"/l/{link.code}", HTTP_SEC_PURPOSE="prefetch")
    visitor.client.head(f"/l/{link.code}")
    assert LeadLink.objects.get().visits == 0


def test_it_gives_the_lead_to_the_owner_of_the_link(person):
    ann, form = person("sales_representative"), make_form()
    link = make_link(form, owner=ann.pk, to_owner=True)
    Visitor().send(form, l=link.code)
    assert Lead.objects.get().owner_id == ann.pk
    User.objects.filter(pk=ann.pk).update(state="left")
    Visitor().send(form, l=link.code)
    assert Lead.objects.latest("pk").owner_id is None


def test_it_ignores_links_of_other_forms_and_of_nobody():
    form = make_form()
    for code in (make_link(make_form()).code, "nothing"):
        Visitor().send(form, l=code)
    assert [one.link for one in Lead.objects.all()] == [None, None]
    assert Visitor().get("/l/nothing").status_code == 404


def test_it_draws_its_code(browse, api):
    link, client = make_link(make_form()), browse("administrator")
    image = client.get(f"/lead-links/{link.pk}/code.svg")
    assert image["Content-Type"] == "image/svg+xml"
    assert client.get(f"/lead-links/{link.pk}/code.png").content.startswith(b"\x89PNG")
    assert client.get(f"/lead-links/{link.pk}/code.gif").status_code == 404
    assert b"<svg" in api("administrator").get(f"lead-links/{link.pk}/code.svg").content
    panel = client.get(f"/lead-links/{link.pk}/code/panel").content.decode()
    assert f"http://testserver/l/{link.code}" in panel


def test_it_hides_links_of_others_from_sellers(person, api):
    link = make_link(make_form(), owner=person("sales_representative").pk)
    client = api("sales_representative")
    assert client.get(f"lead-links/{link.pk}").status_code == 404
    assert client.get(f"lead-links/{link.pk}/code.svg").status_code == 404
