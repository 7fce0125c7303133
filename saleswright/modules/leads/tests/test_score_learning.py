"""Learning the score from the company's own leads: what is learned from, the job, versions, and what people see."""

import random
import threading
from datetime import timedelta

import pytest
from django.db import transaction

from saleswright.kernel import clock, jobs
from saleswright.kernel.access.actors import system
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.models import AuditEntry, CustomField, Job
from saleswright.kernel.pulse import Pulse
from saleswright.kernel.records import Draft, save_record, save_records
from saleswright.modules.leads import actions
from saleswright.modules.leads.models import Lead, ScoreContent, ScoreSetup, ScoreVersion
from saleswright.modules.leads.scoring import scorer as scoring
from saleswright.modules.leads.scoring import training
from saleswright.modules.leads.scoring.table import decided, lead_table
from saleswright.modules.leads.scoring.words import score_lines_of
from saleswright.modules.leads.tests.factories import make_lead
from saleswright.modules.leads.tests.test_score_rules import Pieces

pytestmark = pytest.mark.django_db
ROOT = system("test")


def make_field(code: str, kind: str, *choices: str) -> None:
    values = {"resource": "leads", "code": code, "kind": kind, "label_zh": code, "label_en": code.title()}
    lines = [{"code": one, "label_zh": one, "label_en": one.title()} for one in choices]
    save_record(CustomField, values, lines={"choices": lines} if lines else None, actor=ROOT)


def make_history(count: int = 240, seed: int = 6) -> None:
    """Decided leads whose custom fields decide; `stage_note` was filled in afterwards, and so betrays them."""
    make_field("visits", "integer")
    make_field("channel", "choice", "friend", "fair", "cold")
    make_field("stage_note", "text")
    dice, drafts, start = random.Random(seed), [], clock.now() - timedelta(days=400)
    for place in range(count):
        visits, channel = dice.randrange(0, 12), dice.choice(["friend", "fair", "cold"])
        odds = -2.6 + 0.45 * visits + {"friend": 1.6, "cold": -1.6}.get(channel, 0.0)
        won = dice.random() < 1 / (1 + 2.718 ** (-1.4 * odds))
        values = {
            "company": f"Old {place}", "phone": "13800138000", "created_at": start + timedelta(days=place),
            "status": "converted" if won else "disqualified", "custom.channel": channel,
            "custom.stage_note": "enrolled" if won else None,
        }  # fmt: skip
        if dice.random() < 0.9:
            values["custom.visits"] = visits
        drafts.append(Draft(values))
    save_records(Lead, drafts, actor=ROOT, history=True)


def setup(**values) -> ScoreSetup:
    ScoreSetup.objects.update(**{"fewest_outcomes": 200, **values})
    return ScoreSetup.objects.get()


def ask() -> ScoreVersion:
    return save_record(ScoreVersion, {}, actor=ROOT)


def work(kind: str = training.TRAIN_JOB, stop: threading.Event | None = None) -> Job:
    """Do the newest job of the kind as a worker does."""
    Job.objects.exclude(kind=kind).filter(state="queued").delete()
    job = jobs.claim("w1")
    jobs.run(job, pulse=Pulse(job, lease=jobs.LEASE, stop=stop))
    job.refresh_from_db()
    return job


@pytest.fixture(scope="module")
def history(django_db_setup, django_db_blocker):
    """Past leads and one learned version, for all tests of this module; taken away at its end."""
    from saleswright.kernel.caching import forget_everything

    with django_db_blocker.unblock():
        block = transaction.atomic()
        block.__enter__()
        forget_everything()
        make_history()
        setup()
        version = ask()
        job = work()
        assert job.state == "done", job.problem
        yield version.pk
        transaction.set_rollback(True)
        block.__exit__(None, None, None)
        forget_everything()


@pytest.fixture
def version(history, db) -> ScoreVersion:
    from saleswright.kernel.custom_fields import look

    look()
    return ScoreVersion.objects.get(pk=history)


def test_it_learns_from_custom_fields_and_is_put_into_use(version):
    assert (version.status, version.number, version.outcomes, version.percent) == ("in_use", 1, 240, 100)
    assert version.evaluation["held_out"] == 48
    assert set(version.evaluation["figures"]) == {"learned", "rules", "base"}
    assert set(version.evaluation["beaten"]) == {"rules", "base"}
    assert version.evaluation["figures"]["learned"]["auc"] > 0.75
    used = sorted(version.columns["used"], key=lambda name: -version.columns["used"][name])
    assert used[:2] == ["custom.visits", "custom.channel"]
    actions_seen = AuditEntry.objects.filter(resource="score-versions", record_id=version.pk)
    assert list(actions_seen.order_by("id").values_list("action", flat=True)) == ["created", "changed", "use"]


def test_it_sets_the_leak_aside_and_says_why(version, browse):
    assert version.columns["aside"]["custom.stage_note"]["reason"] == "one_outcome"
    assert "custom.stage_note" not in version.columns["used"]
    page = browse("sales_operations", language="en").get("/lead-score").content.decode()
    assert "Suspected leak" in page
    assert "Filled in almost only for one outcome: 100%" in page


def test_nothing_that_tells_the_outcome_is_ever_a_column(version):
    told = {"status", "converted_at", "disqualified_because", "customer", "contact", "first_contact_at", "score"}
    named = set(version.columns["used"]) | set(version.columns["aside"])
    assert named.isdisjoint(told | {f"{name}_id" for name in told})


def test_leads_are_scored_by_it_with_reasons_in_words(version, api):
    client = api()
    body = {"company": "New", "phone": "13800000000", "custom": {"visits": 11, "channel": "friend"}}
    good = client.post("leads", body).json()
    bad = client.post("leads", {**body, "custom": {"visits": 0, "channel": "cold"}}).json()
    assert good["score"] > 85
    assert bad["score"] < 15
    assert good["score_reasons"][0].startswith(("Visits: 11 raises the chance (odds × ", "Channel: Friend raises"))
    assert any(line.startswith("Channel: Cold lowers it (odds × 0.") for line in bad["score_reasons"])


def test_the_panel_says_by_what_and_how_many_convert(version, browse):
    lead = make_lead(**{"custom.visits": 11, "custom.channel": "friend"})
    page = browse("administrator", language="en").get(f"/leads/{lead.pk}/score/panel").content.decode()
    assert "Learned from our own leads, version 1" in page
    assert f"{lead.score} of 100 such leads convert" in page
    assert "raises the chance, odds" in page
    reader = browse("sales_representative", language="en").get(f"/leads/{lead.pk}/score/panel")
    assert reader.status_code == 404  # somebody else's


def test_a_factor_that_one_may_not_know_is_left_out(version, person, acting):
    CustomField.objects.filter(code="visits").update(right="margin")
    from saleswright.kernel.custom_fields import definitions_changed

    definitions_changed()
    lead = make_lead(**{"custom.visits": 11, "custom.channel": "friend"})
    reader = acting("sales_director")
    assert not any("Visits" in line for line in score_lines_of([lead.pk], reader)[lead.pk])
    assert any("Visits" in line for line in score_lines_of([lead.pk], ROOT)[lead.pk])


def test_a_value_that_was_filled_in_later_is_not_learned_from(version):
    lead = make_lead(**{"custom.visits": 2, "source": "web", "budget": "5.00"})
    save_record(Lead, {"custom.visits": 9, "source": "fair", "budget": "700.00"}, pk=lead.pk, actor=ROOT)
    lead.refresh_from_db()
    actions.disqualify_lead(lead.pk, actor=ROOT, reason="no money")
    table = lead_table(None, clock.now())
    last = {name: column[-1] for name, column in table.examples.cells.items()}
    assert (last["custom.visits"], last["source"], float(last["budget"])) == (2, "web", 5.0)
    assert table.examples.outcomes[-1] is False
    assert table.rule_scores[-1] == 10 + 10 + 5 + 10 + 6  # company, phone, contact; budget named; from the website


def test_leads_open_for_long_count_as_lost_when_the_company_says_so(version):
    at = clock.now()
    lead = make_lead()
    Lead.objects.filter(pk=lead.pk).update(created_at=at - timedelta(days=91))
    assert not decided(None, at).filter(pk=lead.pk).exists()
    assert decided(90, at).filter(pk=lead.pk).exists()
    assert not decided(92, at).filter(pk=lead.pk).exists()


def test_one_goes_back_to_the_rules_and_to_an_earlier_version(version, api):
    client = api()
    lead = make_lead(**{"custom.visits": 11})
    assert client.act("score-versions", version.pk, "retire").status_code == 200
    assert Job.objects.filter(kind=training.RESCORE_JOB, state="queued").exists()
    training.rescore_all(Pieces())
    lead.refresh_from_db()
    assert (lead.score, lead.score_parts["by"]) == (25, "rules")
    assert client.act("score-versions", version.pk, "use").json()["status"] == "in_use"
    training.rescore_all(Pieces())
    lead.refresh_from_db()
    assert lead.score_parts["by"] == "learned"
    trail = AuditEntry.objects.filter(resource="score-versions", record_id=version.pk).order_by("-id")
    assert list(trail.values_list("action", flat=True)[:2]) == ["use", "retire"]


def test_using_another_version_replaces_the_one_in_use(version):
    other = ScoreVersion.objects.create(number=7, status="ready", created_at=clock.now(), updated_at=clock.now())
    kept = ScoreContent.objects.get(version=version)
    ScoreContent.objects.create(version=other, content=kept.content, sha256=kept.sha256, seal=kept.seal)
    training.use_version(other.pk, actor=ROOT)
    assert ScoreVersion.objects.get(pk=version.pk).status == "retired"
    assert ScoreVersion.objects.get(status="in_use").pk == other.pk


def test_a_version_that_was_changed_is_neither_used_nor_put_into_use(version):
    ScoreContent.objects.filter(version=version).update(seal="0" * 64)
    assert scoring.scorer().version is None
    lead = make_lead()
    assert lead.score_parts["by"] == "rules"
    training.retire_version(version.pk, actor=ROOT)
    with pytest.raises(Conflict, match="was changed"):
        training.use_version(version.pk, actor=ROOT)
    ScoreContent.objects.filter(version=version).delete()
    with pytest.raises(Conflict, match="is gone"):
        training.use_version(version.pk, actor=ROOT)
    assert ScoreVersion.objects.get(pk=version.pk).status == "retired"


def test_a_column_is_marked_admitted_and_left_to_the_guard(version, browse):
    client, one = browse("sales_operations", language="en"), ScoreSetup.objects.get()
    client.post("/lead-score/columns", {"column": "custom.stage_note", "use": "admitted"})
    assert ScoreSetup.objects.get().admitted == ["custom.stage_note"]
    training.treat_column(one.pk, actor=ROOT, column="custom.stage_note", use="known_after")
    now = ScoreSetup.objects.get()
    assert (now.admitted, now.known_after) == ([], ["custom.stage_note"])
    training.treat_column(one.pk, actor=ROOT, column="custom.stage_note", use="auto")
    assert ScoreSetup.objects.get().known_after == []
    for column, use in (("custom.stage_note", "sometimes"), ("status", "admitted")):
        with pytest.raises(Conflict):
            training.treat_column(one.pk, actor=ROOT, column=column, use=use)


def test_it_refuses_columns_that_there_are_not(version):
    one = ScoreSetup.objects.get()
    for values, field in (
        ({"known_after": ["colour"]}, "known_after"), ({"admitted": [3]}, "admitted"),
        ({"known_after": ["source"], "admitted": ["source"]}, "admitted"),
    ):  # fmt: skip
        with pytest.raises(ValidationFailed) as refused:
            save_record(ScoreSetup, values, pk=one.pk, actor=ROOT)
        assert refused.value.errors[0].field == field


def test_one_version_is_learned_at_a_time_and_a_dead_one_is_given_up(version):
    running = ask()
    assert running.number == 2
    with pytest.raises(ValidationFailed, match="being learned already"):
        ask()
    Job.objects.filter(kind=training.TRAIN_JOB).delete()
    again = ask()
    running.refresh_from_db()
    assert (running.status, again.number) == ("failed", 3)
    training.cancel_version(again.pk, actor=ROOT)
    again.refresh_from_db()
    assert again.status == "failed"
    assert not Job.objects.filter(kind=training.TRAIN_JOB, state="queued").exists()


def test_what_is_no_better_is_refused_and_leaves_the_rules(version):
    dice = random.Random(9)
    training.retire_version(version.pk, actor=ROOT)
    for pk in Lead.objects.order_by("pk").values_list("pk", flat=True):
        Lead.objects.filter(pk=pk).update(status=dice.choice(["converted", "disqualified"]))
    setup(known_after=["custom.stage_note"])
    other = ask()
    job = work()
    other.refresh_from_db()
    assert (job.state, other.status) == ("done", "refused")
    assert not ScoreVersion.objects.filter(status="in_use").exists()
    with pytest.raises(Conflict):
        training.use_version(other.pk, actor=ROOT)


def test_outcomes_of_one_kind_alone_fail_with_the_reason(version):
    Lead.objects.update(status="disqualified")
    other = ask()
    work()
    other.refresh_from_db()
    assert other.status == "failed"
    assert other.problem == "only 0 cases of one outcome"


def test_nothing_is_learned_from_too_few_outcomes(version, browse):
    setup(fewest_outcomes=500)
    with pytest.raises(ValidationFailed, match="260 more outcomes are needed"):
        ask()
    page = browse("sales_operations", language="en").get("/lead-score").content.decode()
    assert "260 more outcomes are needed" in page
    assert training.next_training(clock.now()) is None


def test_the_night_scores_anew_and_learns_when_it_is_time(version):
    at = clock.now()
    assert training.start_when_due(ROOT, at) is None  # learned just now
    later = at + timedelta(days=31)
    assert training.next_training(at) > at + timedelta(days=29)
    setup(learns=False)
    assert training.start_when_due(ROOT, later) is None
    setup(learns=True)
    started = training.start_when_due(ROOT, later)
    assert ScoreVersion.objects.get(pk=started).status == "training"


def test_the_page_is_for_those_with_the_right(version, browse):
    page = browse("sales_director", language="en").get("/lead-score").content.decode()
    assert "Version 1, learned from our own leads" in page
    assert "Clearly beaten" in page
    assert "Learn now" not in page  # may look only
    assert browse("sales_representative", language="en").get("/lead-score").status_code == 403
    assert browse("sales_representative", language="en").post("/lead-score/learn").status_code == 302
    assert ScoreVersion.objects.count() == 1


def test_pages_and_programs_start_cancel_and_refuse(version, browse, api):
    client = browse("sales_operations", language="en")
    assert client.post("/lead-score/learn").status_code == 302
    made = ScoreVersion.objects.get(number=2)
    assert "Version 2 is being learned" in client.get("/lead-score").content.decode()
    client.post("/lead-score/learn")
    assert "A version is being learned already." in client.get("/lead-score").content.decode()
    assert ScoreVersion.objects.count() == 2
    client.post(f"/lead-score/versions/{made.pk}/cancel")
    made.refresh_from_db()
    assert made.status == "failed"
    assert "The last learning failed: Cancelled" in client.get("/lead-score").content.decode()
    assert client.post(f"/lead-score/versions/{made.pk}/paint").status_code == 403
    panel = client.get(f"/score-versions/{version.pk}/evaluation/panel").content.decode()
    assert "Compared on leads that came later" in panel
    assert api().get("score-versions?ordering=-auc").json()["items"][0]["number"] in {1, 2}
