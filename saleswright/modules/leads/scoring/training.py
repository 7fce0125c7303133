"""Learning a version by a job, putting one into use, going back to an earlier one; and scoring all leads anew."""

from __future__ import annotations

import base64
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel import jobs as queue
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Conflict
from saleswright.kernel.jobs import JobContext
from saleswright.kernel.models import Job
from saleswright.kernel.records import Batch, save_record, snapshot, stamp, write_changes
from saleswright.kernel.resources import resource_named
from saleswright.kernel.transitions import Arg, transition
from saleswright.modules.leads.models import Lead
from saleswright.modules.leads.scoring.models import ScoreContent, ScoreSetup, ScoreVersion
from saleswright.modules.leads.scoring.scorer import model_of, scorer
from saleswright.modules.leads.scoring.states import VersionStatus
from saleswright.modules.leads.scoring.table import OWN, LeadTable, decided, lead_table
from saleswright.modules.leads.states import LeadStatus

TRAIN_JOB, RESCORE_JOB = "leads.learn_score", "leads.rescore"
AT_ONCE = 1000
OPEN = (LeadStatus.NEW, LeadStatus.CONTACTED, LeadStatus.QUALIFIED)
TRAINING, READY, IN_USE = VersionStatus.TRAINING, VersionStatus.READY, VersionStatus.IN_USE
RETIRED, REFUSED, FAILED = VersionStatus.RETIRED, VersionStatus.REFUSED, VersionStatus.FAILED
#: of the progress of a version, what reading, learning and writing take
READ, LEARNED = 20, 90
#: what the learned score must do better than
RIVALS = ("rules", "base")


def setup() -> ScoreSetup:
    """How the score is learned."""
    return ScoreSetup.objects.order_by("id").first() or ScoreSetup()


def one_at_a_time() -> None:
    """Keep whoever else asks for a version or puts one into use waiting until the transaction ends."""
    list(ScoreSetup.objects.select_for_update().order_by("id").values_list("pk"))


# --- asking for a version --------------------------------------------------------------------------------------


def check_versions(batch: Batch) -> None:
    """Number new versions; refuse one while another is being learned, or without enough outcomes."""
    fresh = [draft for draft in batch.good if draft.fresh]
    if not fresh:
        return
    one_at_a_time()
    _give_up_dead(batch.actor, batch.at)
    running = ScoreVersion.objects.filter(status=TRAINING).exists()
    number = ScoreVersion.objects.aggregate(last=Max("number"))["last"] or 0
    short = outcomes_missing(batch.at)
    for draft in fresh:
        number += 1
        draft.record.number = number
        if running:
            draft.error("", "conflict", _("A version is being learned already."))
        elif short:
            draft.error("", "conflict", _("%(count)d more outcomes are needed.") % {"count": short})
        running = True


def start_versions(batch: Batch) -> None:
    """Ask a worker to learn each new version."""
    for draft in batch.drafts:
        if draft.fresh:
            job = queue.enqueue(TRAIN_JOB, arguments={"version_id": draft.record.pk}, user=batch.actor.user_id)
            ScoreVersion.objects.filter(pk=draft.record.pk).update(job_id=job.pk)


def outcomes_missing(at: datetime) -> int:
    """How many outcomes are missing until a version may be learned; 0 when there are enough."""
    one = setup()
    return max(0, one.fewest_outcomes - decided(one.lost_after_days, at).count())


def _give_up_dead(actor: Actor, at: datetime) -> None:
    """A version whose job has died is a failed one."""
    for version in ScoreVersion.objects.filter(status=TRAINING):
        if not Job.objects.filter(pk=version.job_id or 0, state__in=queue.OPEN).exists():
            _note(version, "changed", actor, at, status=FAILED, problem=_("The worker ended before it was done."))


def next_training(at: datetime) -> datetime | None:
    """When the next version will be learned by itself; None when there are too few outcomes."""
    one = setup()
    if not one.learns or outcomes_missing(at):
        return None
    last = ScoreVersion.objects.exclude(status=FAILED).aggregate(last=Max("created_at"))["last"]
    due = at if last is None else last + timedelta(days=one.every_days)
    kind = queue.kinds()["leads.nightly_score"]
    found = queue.next_run(kind, at)
    while found is not None and found < due:
        found = queue.next_run(kind, found)
    return found


def start_when_due(actor: Actor, at: datetime) -> int | None:
    """In the night: learn a version when it is time and there are enough outcomes; its id."""
    one = setup()
    last = ScoreVersion.objects.exclude(status=FAILED).aggregate(last=Max("created_at"))["last"]
    soon = timedelta(hours=12)  # a night is not missed for some minutes
    due = last is None or last + timedelta(days=one.every_days) - soon <= at
    _give_up_dead(actor, at)
    busy = ScoreVersion.objects.filter(status=TRAINING).exists()
    if not one.learns or not due or busy or outcomes_missing(at):
        return None
    version: ScoreVersion = save_record(ScoreVersion, {}, actor=actor, at=at)
    return version.pk


# --- learning --------------------------------------------------------------------------------------------------


class Chunks(Protocol):
    """A job's way to write in pieces."""

    def chunk(self, done: int, total: int | None = None) -> AbstractContextManager[None]: ...


def train(version_id: int, ctx: JobContext) -> dict[str, Any]:
    """Learn a version from the decided leads and evaluate it; use it when it does better and the company wants that.

    A run that stops halfway has written nothing but its progress.
    """
    from saleswright.kernel.learning.learn import TooFew, learn
    from saleswright.kernel.learning.model import packed

    version = ScoreVersion.objects.filter(pk=version_id, status=TRAINING).first()
    if version is None:
        return {"status": "gone"}
    actor, at, how = ctx.actor, clock.now(), setup()
    table = lead_table(how.lost_after_days, at)
    _progress(ctx, version, READ)
    try:
        learned = learn(
            problem_of(table, how),
            table.examples,
            rivals={"rules": table.rule_scores},
            progress=lambda done, total: _progress(ctx, version, READ + (LEARNED - READ) * done // total),
        )
    except TooFew as refused:
        with ctx.chunk(100, 100):
            _note(version, "changed", actor, at, status=FAILED, percent=100, problem=str(refused)[:300],
                  outcomes=len(table.examples))  # fmt: skip
        return {"status": FAILED.value}
    content, digest, seal = packed(learned.model)
    good = all(rival in learned.evaluation.beaten for rival in RIVALS)
    values = {
        "status": READY if good else REFUSED, "percent": 100, "method": learned.model.method,
        "outcomes": learned.cases, "converted": sum(table.examples.outcomes),
        "auc": Decimal(str(round(learned.evaluation.figures["learned"]["auc"], 4))),
        "evaluation": _evaluation(learned.evaluation),
        "columns": {
            "used": {name: round(size, 4) for name, size in learned.importance.items()},
            "aside": {one.column: {"reason": one.reason, **one.figures} for one in learned.aside},
        },
    }  # fmt: skip
    with ctx.chunk(100, 100):
        ScoreContent.objects.update_or_create(
            version=version,
            defaults={"content": base64.b64encode(content).decode(), "sha256": digest, "seal": seal},
        )
        _note(version, "changed", actor, at, **values)
        if good and how.learns:
            _put_into_use(version, actor, at)
    return {"status": version.status, "auc": float(values["auc"]), "outcomes": learned.cases}


def problem_of(table: LeadTable, how: ScoreSetup) -> Any:
    """The problem with what the company says of its columns."""
    from saleswright.kernel.learning.problem import Problem

    return Problem(table.columns, known_after=frozenset(how.known_after), admitted=frozenset(how.admitted))


def _evaluation(found: Any) -> dict[str, Any]:
    rounded = {
        name: {figure: round(value, 4) for figure, value in figures.items()} for name, figures in found.figures.items()
    }
    bins = [[one.count, round(one.said, 4), round(one.happened, 4)] for one in found.bins]
    return {
        "held_out": found.count, "rate": round(found.rate, 4), "figures": rounded, "bins": bins,
        "chance_error": round(found.chance_error, 4), "beaten": found.beaten,
    }  # fmt: skip


def _progress(ctx: JobContext, version: ScoreVersion, percent: int) -> None:
    with ctx.chunk(percent, 100):
        ScoreVersion.objects.filter(pk=version.pk).update(percent=percent)


def _note(version: ScoreVersion, action: str, actor: Actor, at: datetime, **values: Any) -> None:
    """Write what became of a version, with its audit."""
    version.refresh_from_db()
    before = snapshot(version)
    for name, value in values.items():
        setattr(version, name, value)
    stamp(version, actor, at)
    write_changes(resource_named("score-versions"), version, before, action, actor=actor, at=at)


# --- which is in use -------------------------------------------------------------------------------------------


def _put_into_use(version: ScoreVersion, actor: Actor, at: datetime) -> None:
    """Replace the version in use, within the transaction, and have all leads scored anew."""
    one_at_a_time()
    for other in ScoreVersion.objects.filter(status=IN_USE).exclude(pk=version.pk):
        _note(other, "changed", actor, at, status=RETIRED)
    _note(version, "use", actor, at, status=IN_USE, used_since=at)
    rescore_soon(at)


def _must_be_whole(version: ScoreVersion) -> Any:
    if not ScoreContent.objects.filter(version=version).exists():
        return _("What was learned is gone.")
    return None


@transition(
    "score-versions", "use", label=gettext_lazy("Put into use"), source=[READY, RETIRED], target=IN_USE,
    guards=(_must_be_whole,), icon="player-play", style="primary",
)  # fmt: skip
def use_version(version: ScoreVersion, *, actor: Actor, at: datetime) -> None:
    """Score by this version from now on: a new one, or an earlier one again.

    Raises Conflict for one that was changed.
    """
    try:
        model_of(version)
    except (ValueError, KeyError, LookupError):
        raise Conflict(_("What was learned was changed, or comes from another installation.")) from None
    one_at_a_time()
    for other in ScoreVersion.objects.filter(status=IN_USE):
        _note(other, "changed", actor, at, status=RETIRED)
    version.used_since = at
    rescore_soon(at)


@transition(
    "score-versions", "retire", label=gettext_lazy("Score by the rules again"), source=[IN_USE], target=RETIRED,
    icon="arrow-back-up",
)  # fmt: skip
def retire_version(version: ScoreVersion, *, actor: Actor, at: datetime) -> None:
    """Use no learned version for now."""
    rescore_soon(at)


@transition(
    "score-versions", "cancel", label=gettext_lazy("Cancel"), source=[TRAINING], target=FAILED, icon="player-stop"
)
def cancel_version(version: ScoreVersion, *, actor: Actor, at: datetime) -> None:
    """Stop learning."""
    version.problem = _("Cancelled")
    if job := Job.objects.filter(pk=version.job_id or 0, state__in=queue.OPEN).first():
        queue.cancel(job)


# --- columns ---------------------------------------------------------------------------------------------------


@transition(
    "score-setup", "treat-column", label=gettext_lazy("Say how a column is used"), icon="columns-3",
    args=(
        Arg("column", gettext_lazy("Column")),
        Arg("use", gettext_lazy("Use"), help=gettext_lazy("auto, known_after or admitted")),
    ),
)  # fmt: skip
def treat_column(one: ScoreSetup, *, actor: Actor, at: datetime, column: str, use: str) -> None:
    """Mark a column as known only after the outcome, admit one in spite of suspicion, or leave it to the guard.

    It holds from the next version on. Raises Conflict for a column or use that there is not.
    """
    if use not in {"auto", "known_after", "admitted"} or column not in column_names():
        raise Conflict(_("There is no such column or use."))
    one.known_after = [name for name in one.known_after if name != column]
    one.admitted = [name for name in one.admitted if name != column]
    if use == "known_after":
        one.known_after = [*one.known_after, column]
    elif use == "admitted":
        one.admitted = [*one.admitted, column]


def column_names() -> list[str]:
    """The columns that there are to learn from."""
    from saleswright.kernel.custom_fields import fields_of

    return [*OWN, *(one.name for one in fields_of("leads"))]


def check_setup(batch: Batch) -> None:
    """Lists of columns name columns; a column is not in both."""
    for draft in batch.good:
        known = set(column_names())
        for name in ("known_after", "admitted"):
            given = getattr(draft.record, name)
            if not isinstance(given, list) or not all(isinstance(one, str) and one for one in given):
                draft.error(name, "invalid", _("Give texts, separated by commas."))
            elif unknown := [one for one in given if one not in known]:
                draft.error(name, "choice", _("There is no column “%(name)s”.") % {"name": unknown[0]})
        if not draft.errors and (both := set(draft.record.known_after) & set(draft.record.admitted)):
            draft.error("admitted", "conflict", _("“%(name)s” stands in both lists.") % {"name": min(both)})


# --- all leads -------------------------------------------------------------------------------------------------


def rescore_soon(at: datetime) -> None:
    """Have all open leads scored anew by a worker, within the transaction that is the reason."""
    queue.enqueue_once(RESCORE_JOB, arguments={}, at=at)


def rescore_all(ctx: Chunks, done: int = 0) -> int:
    """Score all leads that are open anew; returns how many changed.

    A score is worked out of the rest, so it raises no version and is not audited. What somebody changes meanwhile is
    scored by that change.
    """
    changed = 0
    ids = list(Lead.objects.filter(status__in=OPEN, archived_at=None).order_by("pk").values_list("pk", flat=True))
    for start in range(done, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        with ctx.chunk(min(start + AT_ONCE, len(ids)), len(ids)):
            rows = Lead.objects.select_related("region", "campaign").filter(pk__in=part).order_by("pk")
            list(Lead.objects.filter(pk__in=part).order_by("pk").select_for_update().values_list("pk"))
            some = scorer().apply(list(rows))
            Lead.objects.bulk_update(some, ["score", "score_parts"], batch_size=200)
            changed += len(some)
    return changed


def rules_changed(batch: Batch) -> None:
    """Rules were written: the leads are scored anew where the rules hold."""
    if not ScoreVersion.objects.filter(status=IN_USE).exists():
        rescore_soon(batch.at)
