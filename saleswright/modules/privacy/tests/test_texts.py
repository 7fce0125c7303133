"""No word about an erased person is left: a walk over every text and JSON column; texts changed one by one."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps

from saleswright.interface.exchange.uploads import forget_files
from saleswright.interface.models import ImportRun, SavedView
from saleswright.kernel import clock
from saleswright.kernel.audit import AuditLine, record_audit, redact, redact_words, verify
from saleswright.kernel.blacking import blacked, says, words_of
from saleswright.kernel.errors import Conflict, NotAllowed, NotFound, ValidationFailed
from saleswright.kernel.models import AuditEntry, IdempotencyKey, OutboxEvent, SearchRow, User
from saleswright.kernel.records import save_record
from saleswright.kernel.tests.test_audit import seal_everything
from saleswright.modules.catalog.public import Product
from saleswright.modules.customers.public import Contact, Customer
from saleswright.modules.leads.models import Lead
from saleswright.modules.market.public import Survey, SurveyInvitation
from saleswright.modules.notices.models import AgendaItem, Meeting
from saleswright.modules.pipeline.models import Activity
from saleswright.modules.pool.models import Protection
from saleswright.modules.privacy import queries
from saleswright.modules.privacy.actions import requests, texts
from saleswright.modules.privacy.models import SubjectRequest
from saleswright.modules.privacy.places import KEPT, columns_with_words, models_of_ours, places
from saleswright.modules.receivables.models import Invoice, LedgerEntry
from saleswright.modules.sales.models import Quote
from saleswright.modules.work.models import Approval, NoticeDelivery
from saleswright.modules.work.public import Attachment, Comment, Notification, Task

pytestmark = pytest.mark.django_db
NAME, NUMBER, MAIL = "欧阳晓璐", "13987654321", "xiaolu.ouyang@example.com"
ALL = f"{NAME}, {NUMBER}, {MAIL}"
SPACED = "139 8765 4321"


@pytest.fixture
def officer(acting):
    return acting("administrator")


@pytest.fixture
def second(acting):
    return acting("administrator")


@pytest.fixture
def contact(root):
    customer = save_record(Customer, {"name": "Firm"}, actor=root)
    values = {"customer": customer.pk, "name": NAME, "mobile": NUMBER, "email": MAIL}
    return save_record(Contact, values, actor=root)


@pytest.fixture
def comment(contact, officer):
    values = {"resource": "customers", "record_id": contact.customer_id, "text": f"Call {ALL} back"}
    return save_record(Comment, values, actor=officer)


def asked(officer, *targets: tuple[str, int], checked: bool = True) -> SubjectRequest:
    given = {"kind": "erasure", "subject_name": NAME, "phone": NUMBER, "email": MAIL, "details": f"I am {ALL}"}
    given["targets"] = [{"resource": resource, "id": pk} for resource, pk in targets]
    request = save_record(SubjectRequest, given, actor=officer)
    return requests.check_identity(request.pk, actor=officer, how=f"Called {NUMBER}") if checked else request


def stamped(model: Any, **values: Any) -> Any:
    """A row that the program makes, written past the actions."""
    return model.objects.create(created_at=clock.now(), updated_at=clock.now(), **values)


def left_over(words: list[str], *, audit: bool = True) -> dict[str, Any]:
    """Column -> a value that says one of the words, of every table, kept columns included."""
    found = {}
    for model in models_of_ours():
        for field in columns_with_words(model):
            for value in model._base_manager.values_list(field.name, flat=True):
                if says(value, words) and (audit or model is not AuditEntry):
                    found[f"{model._meta.label}.{field.name}"] = value
    return found


def plant(root, officer, person, contact) -> list[tuple[str, int]]:
    """The person in records of each kind that is about people, and in all sorts of texts; answers the former."""
    lead = save_record(Lead, {"contact_name": NAME, "phone": NUMBER, "email": MAIL, "need": ALL}, actor=root)
    user = person("warehouse", name=NAME, phone=NUMBER, email=MAIL)
    User.objects.filter(pk=user.pk).update(state="left")
    survey = stamped(Survey, title=f"Ask {NAME}")
    invitation = stamped(
        SurveyInvitation, survey=survey, contact=contact, name=NAME, nonce="n", expires_at=clock.now()
    )  # fmt: skip
    given = {"kind": "visit", "subject": f"Meet {NAME}", "customer": contact.customer_id}
    visit = save_record(Activity, {**given, "purpose": ALL, "next_step": f"Ring {SPACED}"}, actor=root)
    other = {"kind": "access", "subject_name": NAME, "phone": NUMBER, "email": MAIL, "details": ALL}
    save_record(SubjectRequest, other, actor=officer)
    save_record(Customer, {"address": f"c/o {ALL}"}, pk=contact.customer_id, actor=root)
    save_record(Task, {"title": f"Ring {NAME}", "description": ALL, "owner": officer.user_id}, actor=root)
    stamped(
        SavedView, resource="contacts", name=f"All of {NAME}", owner_id=officer.user_id,
        parameters={"filters": [{"field": "name", "value": [NAME]}, {"field": "phone", "value": int(NUMBER)}], MAIL: 1},
    )  # fmt: skip
    meeting = stamped(Meeting, title="M", minutes=ALL, starts_at=clock.now(), ends_at=clock.now(), owner_id=user.pk)
    AgendaItem.objects.create(meeting=meeting, position=1, topic=f"What {NAME} wants")
    about = {"resource": "contacts", "record_id": contact.pk}
    stamped(
        Approval, **about, subject_label=NAME, transition="x", arguments={"reason": ALL}, content_hash="h",
        requested_by_id=officer.user_id, requested_at=clock.now(), reason=ALL, facts={"who": [ALL]},
    )  # fmt: skip
    stamped(
        Protection, **about, label=NAME, reason=ALL, until=clock.today(), owner_id=officer.user_id
    )  # fmt: skip
    said = {"text": f"{NAME} called", "source": f"%(who)s called {NUMBER}", "arguments": {"who": NAME}}
    notice = stamped(Notification, **about, **said, user_id=officer.user_id)
    stamped(
        NoticeDelivery, **about, **said, notification=notice, channel="email", address=MAIL, due_at=clock.now()
    )  # fmt: skip
    stamped(Notification, resource="customers", record_id=contact.customer_id, text=ALL, user_id=officer.user_id)
    OutboxEvent.objects.create(name="x", **about, payload={"was": ALL}, at=clock.now())
    stamped(ImportRun, resource="contacts", file_name=f"{NAME}.xlsx", taken_at=clock.now(), owner_id=officer.user_id)
    IdempotencyKey.objects.create(key="1", body=ALL.encode(), caller="x", request="y", at=clock.now())
    stamped(Attachment, **about, name=f"{NAME}.jpg", size=1, sha256="0" * 64)
    save_record(Comment, {**about, "text": ALL}, actor=officer)
    return [
        ("contacts", contact.pk), ("leads", lead.pk), ("employees", user.pk), ("survey-invitations", invitation.pk),
        ("activities", visit.pk),
    ]  # fmt: skip


# --- the walk ----------------------------------------------------------------------------------------------------


def test_no_word_of_an_erased_person_is_left_anywhere(root, officer, second, person, contact, comment):
    targets = plant(root, officer, person, contact)
    product = save_record(Product, {"name": "Robot", "list_price": "100"}, actor=root)
    lines = {"lines": [{"product": product.pk, "quantity": "2"}]}
    save_record(Quote, {"customer": contact.customer_id, "terms": f"For {NAME}"}, lines=lines, actor=root)
    free = {"lines": [{"description": f"Work for {NAME}", "quantity": "1", "unit_price": "50", "tax_rate": "13"}]}
    save_record(Invoice, {"customer": contact.customer_id}, lines=free, actor=root)
    ledger = list(LedgerEntry.objects.order_by("id").values())
    amounts = list(Invoice.objects.order_by("id").values("total", "balance", "status"))
    seal_everything()
    request = asked(officer, *targets)
    assert len(queries.mentions(request)) > 15
    for one in queries.mentions(request):
        if one.place not in LABELS:
            texts.black_out(request.pk, one.place, one.id, one.name, actor=officer, at=clock.now())
    requests.propose_erasure(request.pk, actor=officer)
    requests.erase_data(request.pk, actor=second, sure=True)
    words = words_of(NAME, NUMBER, MAIL)
    kept = left_over(words)
    assert set(kept) == {"sales.Quote.terms", "receivables.InvoiceLine.description"} | ({*kept} & AUDITED)
    for column in set(kept) - AUDITED:
        assert KEPT.get(column) or KEPT[column.rpartition(".")[0]]
    assert not left_over(words_of(NUMBER, MAIL))
    rest = [(e.resource, e.changes) for e in AuditEntry.objects.all() if says([e.changes, e.label], words)]
    assert {resource for resource, _changes in rest} <= {"quotes", "invoices"}
    assert list(LedgerEntry.objects.order_by("id").values()) == ledger
    assert list(Invoice.objects.order_by("id").values("total", "balance", "status")) == amounts
    seal_everything()
    assert verify().ok


LABELS = {"work.Approval", "pool.Protection", "work.NoticeDelivery", "kernel.OutboxEvent"}
"""What follows by itself at the erasure; blacked out beforehand it would prove nothing."""
AUDITED = {"kernel.AuditEntry.label", "kernel.AuditEntry.changes"}


# --- found -------------------------------------------------------------------------------------------------------


def test_every_column_with_words_is_searched_or_kept_for_a_reason():
    searched = {f"{place.key}.{name}" for place in places() for name in place.names}
    for model in models_of_ours():
        for field in columns_with_words(model):
            column = f"{model._meta.label}.{field.name}"
            reason = KEPT.get(column) or KEPT.get(model._meta.label)
            assert (column in searched) != bool(reason), column


def test_what_is_declared_kept_is_there():
    columns = {f"{m._meta.label}.{f.name}" for m in apps.get_models() for f in m._meta.concrete_fields}
    tables = {m._meta.label for m in apps.get_models()}
    assert set(KEPT) <= columns | tables


@pytest.mark.parametrize(
    ("values", "found"),
    [((NUMBER,), [SPACED, "139-8765-4321", NUMBER]), (("139 8765-4321",), [SPACED, "139 8765-4321", "139-8765-4321",
     NUMBER]), (("王", " ", ""), []), (("王五",), ["王五"]), (("010-12345678",), ["010-12345678", "01012345678"]),
     (("12345",), ["12345"])],
)  # fmt: skip
def test_it_looks_for_a_number_as_it_is_commonly_written(values, found):
    assert sorted(words_of(*values)) == sorted(found)


def test_it_blacks_out_words_anywhere_in_json_whatever_their_case():
    given = {"A b": ["x a B y", {"n": 13987654321}], "ok": [True, None, 1.5]}
    assert blacked(given, ["a b", NUMBER], "*") == {"*": ["x * y", {"n": "*"}], "ok": [True, None, 1.5]}
    assert blacked("as it is", [], "*") == "as it is"


def test_json_is_searched_for_chinese_words(officer):
    view = stamped(SavedView, resource="leads", name="V", owner_id=officer.user_id, parameters={"q": NAME})
    (one,) = queries.mentions(asked(officer))
    assert (one.place, one.id, one.name, one.value) == ("interface.SavedView", view.pk, "parameters", None)
    assert one.text == f'{{"q":"{NAME}"}}'


def test_the_persons_own_fields_and_request_are_no_mentions(officer, contact):
    assert queries.mentions(asked(officer, ("contacts", contact.pk))) == []


def test_an_excerpt_shows_the_name():
    text = "a" * 300 + NAME + "b" * 300
    shown = queries.excerpt(text, [NAME])
    assert NAME in shown
    assert (len(shown), shown[0], shown[-1]) == (202, "…", "…")
    assert queries.excerpt("short", ["x"]) == "short"


def test_it_finds_the_invitations_of_a_contact(officer, contact):
    survey = stamped(Survey, title="S")
    made = {"survey": survey, "nonce": "n", "expires_at": clock.now() + timedelta(1)}
    invitation = stamped(SurveyInvitation, contact=contact, name="By another name", **made)
    assert ("survey-invitations", invitation.pk) in queries.candidates(asked(officer))


def test_it_takes_few_queries(officer, contact, comment, django_assert_max_num_queries):
    request = asked(officer)
    with django_assert_max_num_queries(len(places()) + 2):
        assert len(queries.mentions(request)) == 1


# --- changed one by one ------------------------------------------------------------------------------------------


def black(request, officer, comment, name="text"):
    texts.black_out(request.pk, "work.Comment", comment.pk, name, actor=officer, at=clock.now())


def correct(request, officer, comment, text):
    texts.correct_text(request.pk, "work.Comment", comment.pk, "text", text, actor=officer, at=clock.now())


def test_a_text_is_blacked_out_and_the_audit_says_who_did(officer, comment):
    request = asked(officer)
    black(request, officer, comment)
    comment.refresh_from_db()
    assert (comment.text, comment.version) == ("Call ***, ***, *** back", 2)
    entry = AuditEntry.objects.get(resource="comments", action="blacked-out")
    assert (entry.actor_id, entry.changes, entry.label) == (officer.user_id, {"text": ["***", "***"]}, "")
    noted = AuditEntry.objects.get(resource="subject-requests", action="blacked-out")
    assert noted.changes == {"of": [None, f"work.Comment {comment.pk}"], "field": [None, "text"]}
    said = AuditEntry.objects.filter(resource="comments", record_id=comment.pk)
    assert not any(says([one.changes, one.label], [NAME, NUMBER, MAIL]) for one in said)
    assert queries.mentions(request) == []
    seal_everything()
    assert verify().ok


def test_a_text_is_written_anew(officer, comment):
    request = asked(officer)
    correct(request, officer, comment, " Call the buyer\r\nback ")
    comment.refresh_from_db()
    assert comment.text == "Call the buyer\nback"
    assert AuditEntry.objects.filter(resource="comments", action="text-corrected").count() == 1


def test_a_record_is_found_by_its_new_words_alone(officer):
    task = save_record(Task, {"title": f"Ring {NAME}", "owner": officer.user_id}, actor=officer)
    texts.correct_text(asked(officer).pk, "work.Task", task.pk, "title", "Ring Li", actor=officer, at=clock.now())
    rows = SearchRow.objects.filter(resource="tasks", record_id=task.pk)
    assert [row.label for row in rows] == ["Ring Li"]


def test_an_address_field_is_emptied_as_a_whole():
    field = Contact._meta.get_field("email")
    assert texts.emptied(field, "***", [MAIL]) == ""
    assert texts.emptied(Lead._meta.get_field("company"), "x" * 300, []) == "x" * 200
    assert texts.emptied(SavedView._meta.get_field("parameters"), {"a": "***"}, []) == {"a": "***"}


def is_unchanged(comment) -> bool:
    held = Comment.objects.get(pk=comment.pk).text == comment.text
    return held and not AuditEntry.objects.filter(action__in=("blacked-out", "text-corrected", "redacted")).exists()


def test_only_those_with_the_right_change_texts(officer, acting, comment, person):
    request = asked(officer)
    for role in ("sales_director", "auditor", "hr"):
        with pytest.raises((NotAllowed, NotFound)):
            black(request, acting(role), comment)
    assert is_unchanged(comment)


def test_the_identity_comes_first_and_an_answered_request_changes_nothing(officer, comment):
    request = asked(officer, checked=False)
    with pytest.raises(Conflict, match="who is asking"):
        black(request, officer, comment)
    done = asked(officer)
    requests.refuse_request(done.pk, actor=officer, reason="Another person")
    with pytest.raises(Conflict):
        black(done, officer, comment)
    assert is_unchanged(comment)


@pytest.mark.parametrize(
    ("place", "name"),
    [("work.Comment", "resource_id"), ("work.Nothing", "text"), ("sales.Quote", "terms"),
     ("kernel.AuditEntry", "label"), ("customers.Contact", "name"), ("auth.Permission", "name")],
)  # fmt: skip
def test_nothing_but_a_listed_text_is_changed(officer, contact, comment, place, name):
    with pytest.raises(NotFound):
        texts.black_out(asked(officer).pk, place, contact.pk, name, actor=officer, at=clock.now())
    assert is_unchanged(comment)


def test_a_row_that_is_gone_is_not_found(officer, comment):
    comment.pk = 10**9
    with pytest.raises(NotFound):
        black(asked(officer), officer, comment)


def test_a_text_that_no_longer_names_the_person_stays(officer, comment):
    Comment.objects.filter(pk=comment.pk).update(text="Tea")
    with pytest.raises(Conflict, match="any more"):
        black(asked(officer), officer, comment)
    assert Comment.objects.get(pk=comment.pk).text == "Tea"


def test_a_text_that_the_field_cannot_hold_is_refused(officer, comment):
    with pytest.raises(ValidationFailed) as refused:
        correct(asked(officer), officer, comment, "  ")
    assert [error.field for error in refused.value.errors] == ["text"]
    assert is_unchanged(comment)


def test_what_a_program_kept_is_not_written_anew(officer):
    view = stamped(SavedView, resource="leads", name="V", owner_id=officer.user_id, parameters={"q": NAME})
    with pytest.raises(NotFound):
        texts.correct_text(
            asked(officer).pk, "interface.SavedView", view.pk, "parameters", "{}", actor=officer, at=clock.now()
        )  # fmt: skip
    view.refresh_from_db()
    assert view.parameters == {"q": NAME}


# --- the page ----------------------------------------------------------------------------------------------------


def test_the_page_blacks_out_and_shows_what_is_left(officer, comment, browse):
    request = asked(officer)
    client = browse(User.objects.get(pk=officer.user_id))
    assert 'name="do" value="blank"' in client.get(f"/subject-requests/{request.pk}/findings").content.decode()
    where = {"place": "work.Comment", "id": comment.pk, "name": "text", "do": "blank"}
    answer = client.post(f"/subject-requests/{request.pk}/texts", where, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert 'name="do" value="blank"' not in answer.content.decode()
    again = client.post(f"/subject-requests/{request.pk}/texts", where)
    assert again.status_code == 302
    comment.refresh_from_db()
    assert comment.text == "Call ***, ***, *** back"


def test_the_page_keeps_what_was_typed_beside_the_problem(officer, comment, browse):
    request = asked(officer)
    client = browse(User.objects.get(pk=officer.user_id))
    task = save_record(Task, {"title": f"Ring {NAME}", "owner": officer.user_id}, actor=officer)
    given = {"place": "work.Task", "id": task.pk, "name": "title", "do": "edit", "text": "y" * 201}
    page = client.post(f"/subject-requests/{request.pk}/texts", given, headers={"HX-Request": "true"}).content.decode()
    assert "y" * 201 in page
    assert "field-error" in page
    task.refresh_from_db()
    assert task.title == f"Ring {NAME}"


def test_the_page_offers_nothing_to_those_without_the_right(officer, comment, browse, person):
    request = asked(officer)
    client = browse("sales_director")
    where = {"place": "work.Comment", "id": comment.pk, "name": "text", "do": "blank"}
    assert client.post(f"/subject-requests/{request.pk}/texts", where).status_code in (403, 404)
    assert is_unchanged(comment)


# --- files and the chain -----------------------------------------------------------------------------------------


def test_files_of_imports_that_name_the_person_are_dropped(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    folders = {name: tmp_path / "uploads" / "1" / "leads" / name for name in ("csv", "gbk", "xlsx", "other")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    (folders["csv"] / "file").write_text(f"name,phone\nX,{NUMBER}\n")
    (folders["gbk"] / "file").write_bytes(f"姓名\n{NAME}\n".encode("gb18030"))
    book = io.BytesIO()
    with zipfile.ZipFile(book, "w") as archive:
        archive.writestr("xl/sharedStrings.xml", f"<t>{MAIL}</t>")
        archive.writestr("media.bin", NAME)
    (folders["xlsx"] / "errors.xlsx").write_bytes(book.getvalue())
    (folders["other"] / "file").write_text("name\nLi\n")
    assert forget_files([]) == 0
    assert forget_files([NAME, NUMBER, MAIL]) == 3
    assert [name for name, folder in folders.items() if folder.exists()] == ["other"]


def entry(root, changes, *, resource="contacts", label="", pk=7) -> AuditEntry:
    record_audit([AuditLine(resource, pk, label, "changed", changes)], actor=root, at=clock.now())
    return AuditEntry.objects.order_by("-id").first()


def test_an_entry_loses_words_of_sealed_and_unsealed_values_and_the_chain_holds(root):
    both = entry(root, {"mobile": ["", NUMBER], "custom": [None, {"note": NAME}]}, label=NAME)
    seals = entry(root, {"mobile": ["", NUMBER], "status": ["a", "b"]})
    plain = entry(root, {"text": ["", ALL]}, resource="comments")
    clean = entry(root, {"text": ["", "Tea"]}, resource="comments")
    seal_everything()
    assert redact_words(words_of(NAME, NUMBER, MAIL), actor=root, at=clock.now()) == 3
    for one in (both, seals, plain, clean):
        one.refresh_from_db()
    assert both.changes == {"mobile": ["***", "***"], "custom": ["***", "***"]}
    assert (seals.changes, "digests" in seals.seals) == ({"mobile": ["***", "***"], "status": ["a", "b"]}, True)
    assert (plain.changes, clean.changes) == ({"text": ["***", "***"]}, {"text": ["", "Tea"]})
    seal_everything()
    assert verify().ok
    redact("contacts", 7, actor=root, at=clock.now())
    seal_everything()
    assert verify().ok


def test_an_entry_that_lost_words_is_still_proven(root):
    plain = entry(root, {"text": ["", ALL], "rest": [1, 2]}, resource="comments")
    seal_everything()
    redact_words([NAME], of=[("comments", 7)], actor=root, at=clock.now())
    seal_everything()
    AuditEntry.objects.filter(pk=plain.pk).update(changes={"text": ["***", "***"], "rest": [1, 3]})
    assert not verify().ok


def test_words_leave_only_the_entries_of_the_records_that_are_named(root):
    ours, others = (entry(root, {"text": ["", NAME]}, resource="comments", pk=pk) for pk in (7, 8))
    assert redact_words([NAME], of=[("comments", 7)], actor=root, at=clock.now()) == 1
    assert redact_words([NAME], of=[], actor=root, at=clock.now()) == 0
    others.refresh_from_db()
    assert others.changes == {"text": ["", NAME]}
    ours.refresh_from_db()
    assert ours.changes == {"text": ["***", "***"]}


def test_many_words_are_looked_for_at_once(root, officer):
    given = [{"contact_name": f"Person No {n}", "phone": f"1390000{n:04}"} for n in range(3)]
    leads = [save_record(Lead, values, actor=root) for values in given]
    stamped(Notification, resource="leads", record_id=leads[0].pk, text="Person No 0 called", user_id=officer.user_id)
    Notification.objects.filter(resource="leads").update(arguments={"who": "Person No 0"})
    words = [f"word {n}" for n in range(1500)]
    assert redact_words(words, actor=root, at=clock.now()) == 0
    targets = [("leads", lead.pk) for lead in leads]
    assert texts.follow_labels(targets, [*words, "Person No 0"], actor=root, at=clock.now()) == 1
    assert Notification.objects.get(resource="leads").arguments == {"who": f"Erased #{leads[0].pk}"}


# --- programs ----------------------------------------------------------------------------------------------------


def test_programs_list_texts_and_change_them(officer, comment, api):
    request = asked(officer)
    client = api("administrator")
    (item,) = client.get(f"subject-requests/{request.pk}/texts").json()["items"]
    where = {"place": "work.Comment", "id": comment.pk, "name": "text"}
    assert item == {**where, "kind": "Comment", "field": "Comment", "text": f"Call {ALL} back", "value": comment.text}
    refused = client.post(f"subject-requests/{request.pk}/texts", {**where, "text": ""})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "text")
    done = client.post(f"subject-requests/{request.pk}/texts", where)
    assert (done.status_code, done.json()) == (200, {"items": []})
    again = client.post(f"subject-requests/{request.pk}/texts", where)
    assert again.status_code == 409


@pytest.mark.parametrize(
    ("body", "fields"),
    [({}, ["place", "id", "name"]), ({"place": 1, "id": "1", "name": "text", "x": 1}, ["x", "place", "id"]),
     ({"place": "work.Comment", "id": True, "name": "text", "text": None}, ["id", "text"])],
)  # fmt: skip
def test_programs_are_told_what_is_wrong(officer, comment, api, body, fields):
    answer = api("administrator").post(f"subject-requests/{asked(officer).pk}/texts", body)
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, fields)
    assert is_unchanged(comment)


def test_programs_need_the_right(officer, comment, api):
    where = {"place": "work.Comment", "id": comment.pk, "name": "text"}
    answer = api("auditor").post(f"subject-requests/{asked(officer).pk}/texts", where)
    assert answer.status_code in (403, 404)
    assert is_unchanged(comment)
