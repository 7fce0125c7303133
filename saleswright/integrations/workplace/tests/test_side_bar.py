"""The side bar beside customer chats: only what the person may see and do."""

from urllib.parse import quote

import pytest

from saleswright.integrations.workplace.actions.accounts import link
from saleswright.integrations.workplace.models import Connection, ExternalContact
from saleswright.kernel.access.actors import system
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.records import save_record
from saleswright.modules.customers.public import Contact, Customer
from saleswright.modules.leads.public import Lead
from saleswright.modules.pipeline.public import Activity, Opportunity
from saleswright.modules.work.public import Task

pytestmark = pytest.mark.django_db
ROOT = system("test")


@pytest.fixture
def rep(office, connection, person):
    """A representative who chats with the customer “wm1” over there."""
    made = person("sales_representative", name="王芳", language="en")
    link(office.provider, "wang", made, actor=ROOT)
    office.customers["wm1"] = {"name": "陈总", "company": "华为", "of": ["wang"], "mobiles": ["13700000001"]}
    office.customers["wm2"] = {"name": "孙总", "company": "中兴", "of": ["lead"]}
    return made


@pytest.fixture
def contact(rep):
    """A contact at a customer of the representative's."""
    customer = save_record(Customer, {"name": "华为技术", "city": "深圳", "owner": rep.pk}, actor=ROOT)
    return save_record(Contact, {"name": "陈总", "customer": customer.pk, "mobile": "13700000001"}, actor=ROOT)


def linked(office, rep, contact):
    from saleswright.kernel import clock

    return ExternalContact.objects.create(
        provider=office.provider, external_id="wm1", contact=contact, linked_at=clock.now(), linked_by=rep
    )


def post(client, office, verb, **values):
    return client.post(f"/side-bar/{office.provider}/{verb}", {"id": "wm1", **values})


def chat(client, office, external_id="wm1"):
    return client.get(f"/side-bar/{office.provider}/chat", {"id": external_id}).content.decode()


def test_only_the_side_bar_may_stand_in_the_program_s_pages(office, rep, browse):
    client = browse(rep)
    response = client.get(f"/side-bar/{office.provider}")
    host = {"wecom": "https://work.weixin.qq.com", "dingtalk": "https://*.dingtalk.com"}[office.provider]
    policy = response["Content-Security-Policy"]
    assert response.status_code == 200
    assert host in policy
    assert "frame-ancestors 'self'" in policy
    assert "script-src 'self'" in policy
    assert "X-Frame-Options" not in response
    other = client.get("/customers")
    assert "frame-ancestors 'none'" in other["Content-Security-Policy"]
    assert other["X-Frame-Options"] == "DENY"


def test_it_asks_for_sign_in(office, connection, client):
    assert client.get(f"/side-bar/{office.provider}")["Location"].startswith("/sign-in?next=/side-bar/")
    assert client.get(f"/side-bar/{office.provider}/signature?url=x").status_code == 302


def test_it_signs_its_own_address_alone(office, rep, browse):
    client, own = browse(rep), f"http://testserver/side-bar/{office.provider}"
    answer = client.get(f"/side-bar/{office.provider}/signature?url={quote(own + '?a=1')}")
    assert len(answer.json()["config"]["signature"]) == 40
    for url in ("https://evil.example.com/side-bar/wecom", "http://testserver/customers", ""):
        assert client.get(f"/side-bar/{office.provider}/signature?url={quote(url)}").status_code == 404
    office.failures = ["500"]
    office.expire()
    from saleswright.integrations.workplace.models import Ticket

    Ticket.objects.all().delete()
    assert client.get(f"/side-bar/{office.provider}/signature?url={quote(own)}").status_code == 409


def test_it_shows_the_customer_with_deals_and_activities(office, rep, contact, browse):
    linked(office, rep, contact)
    deal = {"name": "交换机", "customer": contact.customer_id, "owner": rep.pk, "amount": "50000"}
    save_record(Opportunity, deal, actor=ROOT)
    text = chat(browse(rep), office)
    for expected in ("陈总", "华为技术", "深圳", "交换机", "50,000", "Log this conversation"):
        assert expected in text, expected


def test_it_shows_nothing_of_a_customer_of_others(office, rep, contact, browse, person):
    linked(office, rep, contact)
    other = person("sales_representative", language="en")
    client = browse(other)
    text = chat(client, office)
    assert "somebody else" in text
    assert "华为技术" not in text
    assert post(client, office, "note", text="x").status_code == 404
    assert post(client, office, "task", title="x").status_code == 404
    assert not Activity.objects.exists()
    assert not Task.objects.exists()


def test_an_unknown_customer_is_searched_and_linked(office, rep, contact, browse):
    client = browse(rep)
    assert "Who is this?" in chat(client, office)
    found = client.get(f"/side-bar/{office.provider}/search", {"id": "wm1", "q": "华为"}).content.decode()
    assert f'name="contact" value="{contact.pk}"' in found
    assert (
        "Nobody found" in client.get(f"/side-bar/{office.provider}/search", {"id": "wm1", "q": "zzz"}).content.decode()
    )
    assert "陈总" in post(client, office, "link", contact=contact.pk).content.decode()
    assert ExternalContact.objects.get().contact == contact
    assert AuditEntry.objects.filter(resource="contacts", record_id=contact.pk, action="linked").count() == 1
    assert post(client, office, "link", contact=contact.pk).status_code == 422
    assert ExternalContact.objects.count() == 1


def test_it_links_no_contact_of_others(office, rep, contact, browse, person):
    other = person("sales_representative")
    link(office.provider, "lead", other, actor=ROOT)
    client = browse(other)
    assert (
        client.get(f"/side-bar/{office.provider}/search", {"id": "wm2", "q": "华为"}).content.decode().count("<li") == 0
    )
    assert client.post(f"/side-bar/{office.provider}/link", {"id": "wm2", "contact": contact.pk}).status_code == 404
    assert post(client, office, "link", contact="many").status_code == 404
    assert not ExternalContact.objects.exists()


@pytest.mark.parametrize("office", ["wecom"], indirect=True)
def test_wecom_says_whose_customer_it_is(office, rep, contact, browse):
    client = browse(rep)
    for external_id in ("wm2", "unheard-of"):
        values = {"id": external_id, "contact": contact.pk}
        assert client.post(f"/side-bar/{office.provider}/link", values).status_code == 422
    assert not ExternalContact.objects.exists()


def test_a_lead_is_made_of_an_unknown_customer(office, rep, browse):
    client = browse(rep)
    given = {} if office.provider == "wecom" else {"name": "陈总", "company": "华为", "phone": "13700000001"}
    assert post(client, office, "lead", **given).status_code == 200
    lead = Lead.objects.get()
    assert (lead.contact_name, lead.company, lead.phone, lead.owner) == ("陈总", "华为", "13700000001", rep)
    assert "陈总" in chat(client, office)
    assert post(client, office, "note", text="想要报价").status_code == 200
    assert Activity.objects.get().lead == lead
    assert post(client, office, "task", title="报价", due="today").status_code == 200
    assert (Task.objects.get().resource, Task.objects.get().record_id) == ("leads", lead.pk)


def test_a_lead_without_any_name_is_refused_in_words(office, rep, browse):
    office.customers["wm1"] = {"name": "", "company": "", "of": ["wang"]}
    assert post(browse(rep), office, "lead").status_code == 422
    assert not Lead.objects.exists()
    assert not ExternalContact.objects.exists()


def test_a_message_and_a_task_are_noted_in_one_tap(office, rep, contact, browse):
    linked(office, rep, contact)
    client = browse(rep)
    assert "Logged." in post(client, office, "note", text="要三台样机\n下周五前").content.decode()
    done = Activity.objects.get()
    assert (done.kind, done.status, done.subject, done.owner) == ("message", "done", "要三台样机", rep)
    assert (done.contact, done.customer, done.outcome) == (contact, contact.customer, "要三台样机\n下周五前")
    assert post(client, office, "task", title="寄样机", due="week").status_code == 200
    task = Task.objects.get()
    assert (task.title, task.owner, task.resource, task.record_id) == ("寄样机", rep, "customers", contact.customer_id)
    assert task.due_at > done.done_at


@pytest.mark.parametrize(("verb", "values"), [("note", {"text": " "}), ("task", {"title": " "})])
def test_nothing_is_noted_of_nothing(office, rep, contact, browse, verb, values):
    linked(office, rep, contact)
    assert post(browse(rep), office, verb, **values).status_code == 422
    assert not Activity.objects.exists()
    assert not Task.objects.exists()


def test_it_is_gone_while_the_program_is_switched_off(office, rep, connection, browse):
    save_record(Connection, {"active": False}, pk=connection.pk, actor=ROOT)
    client = browse(rep)
    for path in ("", "/chat?id=wm1", "/search?id=wm1"):
        assert client.get(f"/side-bar/{office.provider}{path}").status_code == 404
    assert client.get(f"/side-bar/{office.provider}/chat").status_code == 404
