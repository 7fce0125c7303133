"""A person is forgotten: what goes, what stays, who may, and what the chain of the audit says."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import Any

import orjson
import pytest

from saleswright.interface import reports
from saleswright.kernel import clock
from saleswright.kernel.audit import verify
from saleswright.kernel.errors import Conflict, NotAllowed, NotFound, ValidationFailed
from saleswright.kernel.models import AuditEntry, DataGroup, IdempotencyKey, Merge, SearchRow, User
from saleswright.kernel.personal import settings_of_groups
from saleswright.kernel.records import archive_record, save_record
from saleswright.kernel.resources import resource_named
from saleswright.kernel.tests.test_audit import seal_everything
from saleswright.modules.catalog.public import Product
from saleswright.modules.customers.public import Contact, Customer, may_contact
from saleswright.modules.leads.models import Lead
from saleswright.modules.pipeline.models import Activity
from saleswright.modules.privacy import queries
from saleswright.modules.privacy.actions import copies, requests, retention
from saleswright.modules.privacy.models import RetentionItem, SubjectRequest
from saleswright.modules.receivables.models import Invoice, LedgerEntry
from saleswright.modules.sales.models import Contract, Quote
from saleswright.modules.work.public import Attachment, Comment, Notification

pytestmark = pytest.mark.django_db
NUMBER, MAIL = "13812345678", "wangfang@example.com"


@pytest.fixture
def officer(acting):
    return acting("administrator")


@pytest.fixture
def second(acting):
    return acting("administrator")


@pytest.fixture
def contact(root):
    customer = save_record(Customer, {"name": "Firm"}, actor=root)
    values = {"customer": customer.pk, "name": "王芳芳", "mobile": NUMBER, "email": MAIL, "birthday": "1990-02-28"}
    contact = save_record(Contact, values, actor=root)
    return save_record(Contact, {"title": "CTO"}, pk=contact.pk, actor=root)


def asked(officer, *targets: tuple[str, int], **values: Any) -> SubjectRequest:
    """A request for erasure whose identity is checked."""
    given = {"kind": "erasure", "subject_name": "王芳芳", "phone": NUMBER, **values}
    given["targets"] = [{"resource": resource, "id": pk} for resource, pk in targets]
    request = save_record(SubjectRequest, given, actor=officer)
    return requests.check_identity(request.pk, actor=officer, how="Called back")


def erased(officer, second, *targets: tuple[str, int]) -> SubjectRequest:
    request = asked(officer, *targets)
    requests.propose_erasure(request.pk, actor=officer)
    return requests.erase_data(request.pk, actor=second, sure=True)


# --- found -------------------------------------------------------------------------------------------------------


def test_it_finds_the_person_by_name_number_and_address(root, officer, contact):
    lead = save_record(Lead, {"contact_name": "王芳芳", "phone": "010-12345678"}, actor=root)
    by_mail = save_record(Lead, {"contact_name": "Other", "email": MAIL}, actor=root)
    spaced = save_record(Lead, {"contact_name": "Third", "phone": "138 1234 5678"}, actor=root)
    save_record(Lead, {"contact_name": "Nobody", "phone": "13900000000"}, actor=root)
    request = asked(officer, email=MAIL)
    found = set(queries.candidates(request))
    assert {("contacts", contact.pk), ("leads", lead.pk), ("leads", by_mail.pk)} <= found
    assert found <= {("contacts", contact.pk), ("leads", lead.pk), ("leads", by_mail.pk), ("leads", spaced.pk)}


def test_it_finds_the_leads_that_a_contact_came_from(root, officer, contact):
    lead = save_record(Lead, {"company": "Firm", "phone": "1"}, actor=root)
    Lead.objects.filter(pk=lead.pk).update(contact=contact)
    assert ("leads", lead.pk) in queries.candidates(asked(officer))


def test_it_lists_texts_and_files_for_review(root, officer, contact):
    save_record(Comment, {"resource": "contacts", "record_id": contact.pk, "text": "王芳芳 likes tea"}, actor=officer)
    stamps = {"created_at": clock.now(), "updated_at": clock.now(), "size": 1, "sha256": "0" * 64}
    Attachment.objects.create(resource="contacts", record_id=contact.pk, name="card.jpg", **stamps)
    request = asked(officer, ("contacts", contact.pk))
    assert [one.text for one in queries.mentions(request)] == ["王芳芳 likes tea"]
    assert [name for name, _url in queries.findings(request)[0].attachments] == ["card.jpg"]


# --- what goes ---------------------------------------------------------------------------------------------------


def test_it_erases_the_person_everywhere(root, officer, second, contact):
    Notification.objects.create(
        resource="contacts", record_id=contact.pk, user_id=officer.user_id, text="王芳芳 called",
        created_at=clock.now(), updated_at=clock.now(),
    )  # fmt: skip
    answered = {"caller": "x", "request": "y", "at": clock.now()}
    IdempotencyKey.objects.create(key="1", body='{"name":"王芳芳"}'.encode(), **answered)
    IdempotencyKey.objects.create(key="2", body=b'{"name":"Li"}', **answered)
    request = erased(officer, second, ("contacts", contact.pk))
    contact.refresh_from_db()
    told = (contact.name, contact.mobile, contact.email, contact.birthday, contact.title)
    assert told == (f"Erased #{contact.pk}", "", "", None, "")
    assert not may_contact(contact, "phone")
    assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["2"]
    everywhere = [
        *AuditEntry.objects.values_list("changes", "label"), *Contact.objects.values_list(),
        *SearchRow.objects.values_list("label", "detail", "tokens"), *SubjectRequest.objects.values_list(),
        *Notification.objects.values_list("text"),
    ]  # fmt: skip
    for word in ("王芳芳", NUMBER, MAIL, "1990"):
        assert word not in str(everywhere), word
    assert (request.status, request.asked_by_id, request.confirmed_by_id) == (
        "done", officer.user_id, second.user_id,
    )  # fmt: skip
    assert request.outcome == "Erased 1 records."


def test_the_audit_holds_afterwards_and_says_what_was_done(officer, second, contact):
    seal_everything()
    before = verify().head
    erased(officer, second, ("contacts", contact.pk))
    seal_everything()
    assert verify().ok
    assert verify().head != before
    assert AuditEntry.objects.filter(resource="contacts", action="erased", actor_id=second.user_id).count() == 1


def test_it_erases_what_was_merged_into_the_person_too(root, officer, second, contact):
    other = save_record(Contact, {"customer": contact.customer_id, "name": "王芳", "email": MAIL}, actor=root)
    resource_named("contacts").transition("merge")(contact.pk, actor=root, others=[{"record_id": other.pk}])
    merged = Merge.objects.get()
    erased(officer, second, ("contacts", other.pk))  # the request names it as it was before
    for record in (contact, other):
        record.refresh_from_db()
        assert "王" not in record.name
        assert (record.email, record.mobile) == ("", "")
    merged.refresh_from_db()
    assert "王" not in f"{merged.label}{merged.others}{merged.fields}"
    with pytest.raises(Conflict):
        resource_named("merges").transition("undo")(merged.pk, actor=root)


def test_a_lead_keeps_the_name_of_its_company(root, officer, second):
    lead = save_record(Lead, {"company": "Firm", "contact_name": "王芳芳", "phone": NUMBER, "need": "Tea"}, actor=root)
    alone = save_record(Lead, {"contact_name": "王芳芳", "phone": NUMBER}, actor=root)
    erased(officer, second, ("leads", lead.pk), ("leads", alone.pk))
    lead.refresh_from_db()
    alone.refresh_from_db()
    assert (lead.title, lead.contact_name, lead.phone, lead.phone_key, lead.need) == (
        "Firm", f"Erased #{lead.pk}", "", "", "",
    )  # fmt: skip
    assert (alone.title, alone.company) == (f"Erased #{alone.pk}", "")


def test_somebody_who_left_is_forgotten_and_keeps_the_sign_in_name(root, officer, second, person):
    user = person("warehouse", name="王芳芳", phone=NUMBER, email=MAIL)
    User.objects.filter(pk=user.pk).update(state="left")
    erased(officer, second, ("employees", user.pk))
    user.refresh_from_db()
    assert (user.name, user.phone, user.email, user.username) == (f"Erased #{user.pk}", "", "", user.username)


# --- what stays --------------------------------------------------------------------------------------------------


def test_documents_ledgers_and_figures_stay_as_they_are(root, officer, second, contact, acting):
    product = save_record(Product, {"name": "Robot", "list_price": "100"}, actor=root)
    lines = {"lines": [{"product": product.pk, "quantity": "2"}]}
    given = {"customer": contact.customer_id, "contact": contact.pk}
    quote = save_record(Quote, given, lines=lines, actor=root)
    free = {"lines": [{"description": "Work", "quantity": "1", "unit_price": "50", "tax_rate": "13"}]}
    invoice = save_record(Invoice, {"customer": contact.customer_id}, lines=free, actor=root)
    reader = acting("administrator")

    def figures() -> Any:
        told = {}
        for one in reports.all_reports():
            try:
                answer = one.run({}, reader).as_json()
            except ValidationFailed:
                continue  # it asks for parameters
            told[one.name] = (answer["columns"], answer["rows"])
        counts = {m.__name__: m.objects.count() for m in (Quote, Invoice, Contract, Contact, Customer, Lead, Activity)}
        sums = list(LedgerEntry.objects.order_by("id").values())
        documents = [Quote.objects.values("total", "contact_id", "status", "version").get(pk=quote.pk)]
        return told, counts, sums, [*documents, Invoice.objects.values().get(pk=invoice.pk)]

    before = figures()
    erased(officer, second, ("contacts", contact.pk))
    assert figures() == before
    assert len(before[0]) > 3


# --- who may, and when -------------------------------------------------------------------------------------------


def unchanged(contact) -> bool:
    erasures = AuditEntry.objects.filter(action="erased")
    return Contact.objects.get(pk=contact.pk).mobile == NUMBER and not erasures.exists()


def test_who_proposes_does_not_confirm(officer, contact):
    request = asked(officer, ("contacts", contact.pk))
    requests.propose_erasure(request.pk, actor=officer)
    with pytest.raises(Conflict, match="Somebody else"):
        requests.erase_data(request.pk, actor=officer, sure=True)
    assert unchanged(contact)


def test_the_system_does_not_confirm(officer, root, contact):
    request = asked(officer, ("contacts", contact.pk))
    requests.propose_erasure(request.pk, actor=officer)
    with pytest.raises(Conflict):
        requests.erase_data(request.pk, actor=root, sure=True)
    assert unchanged(contact)


def test_it_is_confirmed_with_open_eyes(officer, second, contact):
    request = asked(officer, ("contacts", contact.pk))
    requests.propose_erasure(request.pk, actor=officer)
    with pytest.raises((Conflict, ValidationFailed)):
        requests.erase_data(request.pk, actor=second, sure=False)
    assert unchanged(contact)


def test_others_may_not(officer, acting, contact):
    request = asked(officer, ("contacts", contact.pk))
    for role in ("sales_director", "auditor", "hr"):
        with pytest.raises((NotAllowed, NotFound)):
            requests.propose_erasure(request.pk, actor=acting(role))
    assert unchanged(contact)


def test_identity_and_records_come_first(officer, contact):
    values = {"kind": "erasure", "subject_name": "王芳芳"}
    request = save_record(SubjectRequest, values, actor=officer)
    with pytest.raises(Conflict, match="who is asking"):
        requests.propose_erasure(request.pk, actor=officer)
    requests.check_identity(request.pk, actor=officer, how="x")
    with pytest.raises(Conflict, match="Choose first"):
        requests.propose_erasure(request.pk, actor=officer)


def test_an_open_invoice_holds_it_back_and_says_so(root, officer, second, contact):
    request = asked(officer, ("contacts", contact.pk))
    requests.propose_erasure(request.pk, actor=officer)
    Contract.objects.create(
        customer_id=contact.customer_id,
        title="C",
        amount=1,
        status="in_force",
        created_at=clock.now(),
        updated_at=clock.now(),
    )
    with pytest.raises(Conflict, match="0 open invoices and 1 running contracts"):
        requests.erase_data(request.pk, actor=second, sure=True)
    assert unchanged(contact)


def test_somebody_who_works_here_is_not_forgotten(officer, person):
    user = person("warehouse", name="王芳芳")
    request = asked(officer, ("employees", user.pk))
    with pytest.raises(Conflict, match="works here still"):
        requests.propose_erasure(request.pk, actor=officer)


def test_another_question_is_answered_and_not_erased(officer, contact):
    request = asked(officer, ("contacts", contact.pk), kind="access")
    with pytest.raises(Conflict, match="No erasure"):
        requests.propose_erasure(request.pk, actor=officer)
    done = requests.complete_request(request.pk, actor=officer, outcome="Told by letter")
    assert (done.status, done.outcome, done.done_on) == ("done", "Told by letter", clock.today())


def test_an_erasure_is_not_simply_answered(officer, contact):
    request = asked(officer, ("contacts", contact.pk))
    with pytest.raises(Conflict, match="second person"):
        requests.complete_request(request.pk, actor=officer, outcome="Done")


def test_a_proposal_is_taken_back_or_refused(officer, contact):
    request = asked(officer, ("contacts", contact.pk))
    requests.propose_erasure(request.pk, actor=officer)
    assert requests.withdraw_erasure(request.pk, actor=officer).status == "received"
    refused = requests.refuse_request(request.pk, actor=officer, reason="Not that person")
    assert (refused.status, refused.outcome) == ("refused", "Not that person")


@pytest.mark.parametrize(
    "targets", [7, [{"resource": "orders", "id": 1}], [{"resource": "contacts", "id": "1"}], [{"id": 1}],
                [{"resource": "contacts", "id": 999999}], [3]],
)  # fmt: skip
def test_only_records_of_people_are_chosen(officer, targets):
    with pytest.raises(ValidationFailed) as refused:
        save_record(SubjectRequest, {"kind": "access", "subject_name": "W", "targets": targets}, actor=officer)
    assert [error.field for error in refused.value.errors] == ["targets"]
    assert not SubjectRequest.objects.exists()


# --- copies and pages --------------------------------------------------------------------------------------------


def test_the_copy_holds_everything_in_full_and_is_noted(officer, contact, browse):
    request = asked(officer, ("contacts", contact.pk), kind="export")
    answer = browse(User.objects.get(pk=officer.user_id)).get(f"/subject-requests/{request.pk}/copy")
    assert answer.status_code == 200
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer)))
    assert archive.namelist() == ["data.json", "data.xlsx"]
    (record,) = orjson.loads(archive.read("data.json"))["records"]
    data = record["data"]
    assert (data["mobile"], data["email"], data["birthday"]) == (NUMBER, MAIL, "1990-02-28")
    entry = AuditEntry.objects.get(resource="subject-requests", action="exported")
    assert entry.changes == {"count": [None, 1], "unmasked": [None, True]}


def test_the_copy_waits_for_the_identity_and_needs_both_rights(officer, acting, contact):
    request = save_record(SubjectRequest, {"kind": "export", "subject_name": "W"}, actor=officer)
    with pytest.raises(Conflict):
        copies.copy_of(request, actor=officer, at=clock.now())
    with pytest.raises(NotAllowed):
        copies.copy_of(request, actor=acting("auditor"), at=clock.now())
    assert not AuditEntry.objects.filter(action="exported").exists()


def test_the_page_shows_what_will_go_and_takes_the_choice(officer, contact, browse):
    request = asked(officer)
    client = browse(User.objects.get(pk=officer.user_id))
    panel = client.get(f"/subject-requests/{request.pk}/findings").content.decode()
    assert "138****5678" in panel
    assert NUMBER not in panel.replace(f'value="{NUMBER}"', "")
    sent = client.post(f"/subject-requests/{request.pk}/targets", {"target": [f"contacts:{contact.pk}"]})
    assert sent.status_code == 302
    request.refresh_from_db()
    assert request.targets == [["contacts", contact.pk]]


def test_the_inventory_names_every_personal_field(browse):
    page = browse("auditor", language="en").get("/settings/personal-data").content.decode()
    for words in ("Contacts", "Mobile", "To congratulate", "Consent of the person", "For everybody, until asked for"):
        assert words in page, words
    assert browse("administrator").get("/settings/personal-data?format=xlsx").status_code == 200
    assert browse("sales_director").get("/settings/personal-data").status_code == 403


def test_the_inventory_takes_few_queries(browse, django_assert_max_num_queries):
    client = browse("administrator")
    client.get("/settings/personal-data")
    with django_assert_max_num_queries(20):
        client.get("/settings/personal-data")


# --- retention ---------------------------------------------------------------------------------------------------


@pytest.fixture
def old_lead(root):
    lead = save_record(Lead, {"contact_name": "王芳芳", "phone": NUMBER}, actor=root)
    Lead.objects.filter(pk=lead.pk).update(status="disqualified", updated_at=clock.now() - timedelta(days=800))
    return lead


def test_it_proposes_what_is_past_its_retention_once(old_lead, root):
    fresh = save_record(Lead, {"contact_name": "Li", "phone": "1"}, actor=root)
    Lead.objects.filter(pk=fresh.pk).update(status="disqualified")
    assert retention.propose_past(clock.today()) == 1
    assert retention.propose_past(clock.today()) == 0
    item = RetentionItem.objects.get()
    assert (item.resource, item.record_id, item.group, item.status) == ("leads", old_lead.pk, "leads", "open")
    old_lead.refresh_from_db()
    assert old_lead.phone == NUMBER


def test_without_an_end_nothing_is_proposed(old_lead):
    DataGroup.objects.filter(code="leads").update(months=None)
    settings_of_groups.forget()
    assert retention.propose_past(clock.today()) == 0


def test_archived_contacts_people_who_left_and_places_are_proposed(root, contact, person):
    archive_record(Contact, contact.pk, actor=root)
    Contact.objects.filter(pk=contact.pk).update(archived_at=clock.now() - timedelta(days=1200))
    gone = person("warehouse")
    User.objects.filter(pk=gone.pk).update(state="left", left_on=clock.today() - timedelta(days=900))
    given = {"kind": "visit", "subject": "V", "customer": contact.customer_id}
    visit = save_record(Activity, given, actor=root)
    Activity.objects.filter(pk=visit.pk).update(
        latitude="30.1", longitude="120.1", checked_in_at=clock.now() - timedelta(days=500)
    )
    assert retention.propose_past(clock.today()) == 3
    assert set(RetentionItem.objects.values_list("resource", "record_id")) == {
        ("contacts", contact.pk), ("employees", gone.pk), ("activities", visit.pk),
    }  # fmt: skip


def test_a_proposal_becomes_a_request_that_a_second_person_confirms(old_lead, officer, second):
    retention.propose_past(clock.today())
    item = retention.request_erasure(RetentionItem.objects.get().pk, actor=officer)
    request = item.request
    request.refresh_from_db()
    assert (item.status, request.targets) == ("requested", [["leads", old_lead.pk]])
    requests.propose_erasure(request.pk, actor=officer)
    requests.erase_data(request.pk, actor=second, sure=True)
    old_lead.refresh_from_db()
    assert old_lead.phone == ""
    RetentionItem.objects.all().delete()
    assert retention.propose_past(clock.today()) == 0


def test_what_is_kept_on_has_a_reason(old_lead, officer):
    retention.propose_past(clock.today())
    item = retention.keep_on(RetentionItem.objects.get().pk, actor=officer, reason="Lawsuit")
    assert (item.status, item.reason) == ("kept", "Lawsuit")
    assert retention.propose_past(clock.today()) == 0


@pytest.mark.parametrize(
    ("day", "months", "found"),
    [("2026-11-25", 12, "2025-11-25"), ("2024-02-29", 12, "2023-02-28"), ("2026-03-31", 1, "2026-02-28"),
     ("2026-01-31", -1, "2026-02-28"), ("2026-12-15", -1, "2027-01-15")],
)  # fmt: skip
def test_it_reckons_in_months(day, months, found):
    from datetime import date

    assert retention.months_before(date.fromisoformat(day), months).isoformat() == found


# --- consent -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "channel", "may"),
    [({}, "phone", True), ({}, "message", True), ({}, "email", True), ({"may_be_contacted": False}, "phone", False),
     ({"mobile": ""}, "phone", False), ({"mobile": "", "phone": "021-1"}, "phone", True),
     ({"mobile": "", "phone": "021-1"}, "message", False), ({"email": ""}, "email", False),
     ({"archived_at": "x"}, "email", False)],
)  # fmt: skip
def test_it_says_whether_somebody_may_be_contacted(contact, values, channel, may):
    for name, value in values.items():
        setattr(contact, name, value)
    assert may_contact(contact, channel) is may


def test_there_is_no_other_channel(contact):
    with pytest.raises(KeyError):
        may_contact(contact, "pigeon")
