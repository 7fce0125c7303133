"""The way of a lead nobody answers: public form, look-alike, rule, reminder, manager, pool, and claimed by another."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.transactions import atomic
from saleswright.modules.leads.flow import answering, capturing
from saleswright.modules.leads.models import LeadForm

pytestmark = pytest.mark.django_db
#: a Monday, 10:00 in Shanghai; the company works from 9 to 18
MONDAY = datetime(2026, 11, 16, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Chunks:
    """Pieces as the job writes them."""

    @contextmanager
    def chunk(self, done: int, total: int | None = None) -> Any:
        with atomic():
            yield


def ok(response: Any, status: int = 200) -> Any:
    assert response.status_code == status, response.content.decode()
    return response.json()


def test_it_goes_from_the_form_to_the_owner_the_manager_and_the_pool(
    api: Any, person: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.LANGUAGE_CODE = "en"
    now = MONDAY
    monkeypatch.setattr(clock, "now", lambda: now)
    operations = api("sales_operations")
    boss = person("sales_manager", language="en")
    ann = person("sales_representative", language="en", name="Ann", manager=boss)
    ben = person("sales_representative", language="en", name="Ben", manager=boss)

    # set up: a rule, a limit, a form, a tracked link
    web = {"field": "source", "op": "in", "value": ["exhibition"]}
    rule = {"name": "Fairs", "conditions": web, "members": [{"member_id": ann.pk, "most_open": 5}]}
    ok(operations.post("assignment-rules", rule), 201)
    limit = {"name": "Two hours", "first_minutes": 120, "manager_minutes": 60, "pool_minutes": 240}
    ok(operations.post("response-limits", limit), 201)
    asked = [{"field": "company", "required": True}, {"field": "phone"}, {"field": "need"}]
    form = ok(
        operations.post(
            "lead-forms", {"name": "Stand", "title": "联系我们", "consent_text": "同意", "questions": asked}
        ),
        201,
    )
    source = ok(operations.get("lead-sources?code=exhibition"))["items"][0]
    link = ok(operations.post("lead-links", {"name": "QR", "form_id": form["id"], "source_id": source["id"]}), 201)
    known = ok(operations.post("customers", {"name": "Quay Ltd"}), 201)

    # a stranger scans the code and fills the form in
    visitor = Client()
    at_form = visitor.get(link["path"])["Location"]
    assert visitor.get(at_form).status_code == 200
    ticket = capturing.new_ticket(LeadForm.objects.get(), MONDAY - HOUR)
    typed = {"company": "Quay Ltd", "phone": "13800138000", "consent": "1", "ticket": ticket, "l": link["code"]}
    assert visitor.post(form["path"], typed).status_code == 302

    # the lead is Ann's, with the reason, the look-alike and the clock
    lead = ok(api(ann).get("leads"))["items"][0]
    lead = ok(api(ann).get(f"leads/{lead['id']}"))
    assert (lead["owner"]["id"], lead["assignment"]) == (ann.pk, "Rule “Fairs”: In turn")
    assert (lead["source"], lead["link"]["id"]) == ("exhibition", link["id"])
    assert known["name"] in lead["duplicate_note"]
    assert (lead["response_state"], lead["response_due_at"]) == ("running", "2026-11-16T04:00:00+00:00")
    kept = ok(operations.get(f"lead-captures?lead_id={lead['id']}"))["items"][0]
    assert (kept["consent_version"], kept["link"]["id"]) == (1, link["id"])

    # nobody answers
    states = []
    for hours in (1, 2, 3, 6):
        now = MONDAY + hours * HOUR
        answering.run(Chunks(), now, system("job:leads.answers"))
        states.append(ok(operations.get(f"leads/{lead['id']}"))["response_state"])
    assert states == ["running", "overdue", "escalated", ""]
    heard = {who: [one["text"] for one in ok(api(who).get("notifications"))["items"]] for who in (ann, boss)}
    assert len(heard[ann]) == 3
    assert heard[boss] == ["Quay Ltd waits for an answer of Ann since 2026-11-16 12:00."]
    lead = ok(operations.get(f"leads/{lead['id']}"))
    assert (lead["owner"], lead["assignment"]) == (None, "")
    assert lead["pool_reason"] == "Two hours: no answer of Ann, due 2026-11-16 12:00"

    # Ben claims and answers it; Ann's cool-down keeps her from it
    assert api(ann).act("leads", lead["id"], "claim").status_code == 409
    ok(api(ben).act("leads", lead["id"], "claim"))
    answering.run(Chunks(), now, system("job:leads.answers"))
    ok(api(ben).act("leads", lead["id"], "contact"))
    lead = ok(api(ben).get(f"leads/{lead['id']}"))
    assert (lead["response_state"], lead["responded_at"]) == ("", "2026-11-16T08:00:00+00:00")

    # and the channel is measured
    report = ok(operations.get("reports/channel-quality?by=link&from=2026-11-01&to=2026-11-30"))
    assert report["rows"][0]["group"] == "QR"
    assert (report["rows"][0]["leads"], report["rows"][0]["response_days"]) == (1, "0.25")
