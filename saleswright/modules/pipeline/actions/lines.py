"""What is checked when the needs, people and competitors of opportunities are written, and what follows."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.utils.translation import gettext as _

from saleswright.kernel.drafts import LineDraft
from saleswright.kernel.models import Collaborator
from saleswright.kernel.records import Batch, Draft
from saleswright.modules.customers.public import Contact
from saleswright.modules.pipeline.models import CloseChange, OpportunityNeed
from saleswright.modules.pipeline.states import OpportunityStatus

ONCE = {"contact_lines": "contact", "member_lines": "member", "competitor_lines": "competitor"}


def prepare_lines(batch: Batch) -> None:
    """Nobody is named twice, shares are at most the whole, contacts are the customer's, needs keep their texts."""
    buyers = _buyers(batch)
    _needs(batch)
    for draft in batch.good:
        for group, name in ONCE.items():
            _once(draft, group, name)
        _share(draft)
        for line in draft.line_drafts.get("contact_lines", ()):
            buyer = buyers.get(line.record.contact_id)
            draft.record.customer_id = draft.record.customer_id or buyer
            if buyer and buyer != draft.record.customer_id:
                text = _("This person belongs to another customer.")
                draft.error(f"contact_lines.{line.index}.contact", "invalid", text)


def _buyers(batch: Batch) -> dict[int, int]:
    lines = [line for draft in batch.good for line in draft.line_drafts.get("contact_lines", ())]
    ids = {line.record.contact_id for line in lines} - {None}
    return dict(Contact.objects.filter(pk__in=ids).values_list("pk", "customer_id")) if ids else {}


def _once(draft: Draft, group: str, name: str) -> None:
    seen = set()
    for line in draft.line_drafts.get(group, ()):
        one = getattr(line.record, f"{name}_id")
        if one is not None and one in seen:
            draft.error(f"{group}.{line.index}.{name}", "duplicate", _("Named twice."))
        seen.add(one)


def _share(draft: Draft) -> None:
    lines = draft.line_drafts.get("member_lines", [])
    if sum(line.record.share or 0 for line in lines) > 100:
        index = max(line.index for line in lines if line.record.share)
        draft.error(f"member_lines.{index}.share", "range", _("The shares are more than 100 % together."))


def _needs(batch: Batch) -> None:
    """`needs` are the texts of the lines. Programs may give texts alone: those become lines, without the others that
    were there; a text that has a line keeps it."""
    texts = [
        draft for draft in batch.good
        if "need_lines" not in draft.lines and "needs" in draft.values and (draft.fresh or draft.changed("needs"))
    ]  # fmt: skip
    present: dict[int, dict[str, int]] = defaultdict(dict)
    rows = OpportunityNeed.objects.filter(opportunity__in=[draft.pk for draft in texts if draft.pk is not None])
    for pk, owner, text in rows.values_list("pk", "opportunity_id", "need"):
        present[owner][text] = pk
    for draft in texts:
        if not isinstance(draft.record.needs, list) or not all(
            isinstance(one, str) and 0 < len(one.strip()) <= 300 for one in draft.record.needs
        ):
            draft.error("needs", "invalid", _("Give a list of texts of at most 300 characters."))
            continue
        wanted = list(dict.fromkeys(one.strip() for one in draft.record.needs))
        draft.record.needs = wanted
        have = present[draft.pk or 0]
        draft.line_drafts["need_lines"] = [
            LineDraft({}, place, OpportunityNeed(need=text, position=place))
            for place, text in enumerate(wanted)
            if text not in have
        ]
        draft.removed_lines["need_lines"] = [pk for text, pk in have.items() if text not in wanted]
    for draft in batch.good:
        if "need_lines" in draft.lines:
            draft.record.needs = [line.record.need for line in draft.line_drafts.get("need_lines", ())]


def follow_lines(batch: Batch) -> None:
    """Members see the deal as collaborators do; who leaves the team sees it no more unless named beside it."""
    fresh: list[Collaborator] = []
    for draft in batch.drafts:
        if "member_lines" not in draft.lines:
            continue
        now = {line.record.member_id for line in draft.line_drafts.get("member_lines", ())}
        gone = {line["member"] for line in draft.lines_before.get("member_lines", ())} - now
        if gone:
            Collaborator.objects.filter(resource="opportunities", record_id=draft.record.pk, user__in=gone).delete()
        fresh += [Collaborator(resource="opportunities", record_id=draft.record.pk, user_id=one) for one in now]
    Collaborator.objects.bulk_create(fresh, ignore_conflicts=True)


def keep_closing_days(batch: Batch) -> None:
    """Write that the expected close of open deals was put to another day; the past of imports is not known."""
    rows = []
    for draft in batch.drafts:
        before: Any = draft.before.get("expected_close")
        now = draft.record.expected_close
        if before is None or now is None or before == now or batch.history:
            continue
        if draft.record.status == OpportunityStatus.OPEN:
            rows.append(
                CloseChange(
                    opportunity_id=draft.record.pk, from_day=before, to_day=now, at=batch.at,
                    actor_id=batch.actor.user_id,
                )
            )  # fmt: skip
    CloseChange.objects.bulk_create(rows, batch_size=1000)
