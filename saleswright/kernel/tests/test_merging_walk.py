"""Every table that can name a record of another kind is known to the walk of a merge, or says why it stays."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models

from saleswright.kernel.merging.declared import ledgers, pairs, settlers, stays
from saleswright.kernel.merging.walk import pairs_of, pointers_to, tables
from saleswright.kernel.resources import all_resources

#: columns that look as if they named records of any kind, and what they say instead
HARMLESS = {
    "kernel.Job.arguments": "of jobs that run within minutes; what they write late is moved by `follow_late`",
    "kernel.Job.result": "counts",
    "kernel.IdempotencyKey.headers": "an answer that was given",
    "interface.SavedView.parameters": "filters of a list; addresses of merged records lead on",
    "interface.ImportMapping.mapping": "columns of files",
    "org.Post.steps": "texts",
    "work.ApprovalStep.condition": "a condition over fields",
    "work.ApprovalFlowVersion.content": "a flow as it was",
    "work.Approval.arguments": "of decided approvals; open ones stop a merge",
    "work.Approval.facts": "amounts",
    "work.Notification.arguments": "words",
    "work.NoticeDelivery.arguments": "words",
    "work.NoticeDelivery.people": "people",
    "work.NoticeDelivery.problem_arguments": "words",
    "work.GroupBot.kinds": "kinds of notices",
    "notices.Audience.target_id": "people and departments",
    "pool.RecycleRule.conditions": "a condition over fields",
    "pool.RecycleRule.spare_levels": "levels",
    "pool.RecycleRule.spare_tags": "tags",
    "catalog.Product.specifications": "texts",
    "customers.Customer.tags": "texts",
    "customers.DuplicatePair.reasons": "codes",
    "customers.DuplicateScan.job_id": "a job",
    "pricing.PriceList.customer_levels": "levels",
    "pricing.PriceList.regions": "regions",
    "market.Intelligence.visit_id": "an activity, and those are not merged",
    "market.ProfileCriterion.conditions": "a condition over fields",
    "leads.Lead.score_parts": "points",
    "leads.AssignmentRule.conditions": "a condition over fields",
    "leads.ResponseLimit.conditions": "a condition over fields",
    "leads.ScoreRule.conditions": "a condition over fields",
    "leads.ScoreSetup.known_after": "names of fields",
    "leads.ScoreSetup.admitted": "names of fields",
    "leads.ScoreVersion.evaluation": "figures",
    "leads.ScoreVersion.columns": "names of fields",
    "leads.ScoreVersion.job_id": "a job",
    "pipeline.Stage.exit_requires": "names of fields",
    "pipeline.Opportunity.needs": "texts",
    "pipeline.StageCriterion.condition": "a condition over fields",
    "insight.Segment.conditions": "a condition over fields",
    "insight.CarePlan.conditions": "a condition over fields",
    "insight.CustomerGrade.parts": "points",
    "privacy.SubjectRequest.targets": "chosen records of a person; what is merged into them is erased with them",
    "visits.WorkReport.facts": "figures as they stood",
    "workplace.Connection.corp_id": "a company in another program",
    "workplace.Connection.agent_id": "a program",
    "workplace.Connection.client_id": "a program",
    "workplace.ExternalAccount.external_id": "an account elsewhere",
    "workplace.ExternalDepartment.external_id": "a department elsewhere",
    "workplace.ExternalContact.external_id": "a contact elsewhere",
    "workplace.ApprovalCard.external_id": "a card elsewhere",
    "workplace.SyncRun.counts": "counts",
    "workplace.SyncRun.lines": "what a run did, in words",
}


def suspects() -> list[str]:
    """The columns that may name a record without a foreign key and aren't part of a known pair."""
    found = []
    for model in tables():
        label, known = model._meta.label, {pair.record for pair in pairs_of(model)}
        if label in stays:
            continue
        for field in model._meta.concrete_fields:
            if field.is_relation or field.primary_key or field.name in known:
                continue
            is_id = field.name.endswith(("_id", "_ids", "record", "subject_pk")) or field.name == "object_pk"
            if is_id or (isinstance(field, models.JSONField) and field.name != "custom"):
                found.append(f"{label}.{field.name}")
    return found


def is_append_only(model: Any) -> bool:
    """Whether the table's rows refuse to be changed."""
    return type(model._default_manager.all()).update is not models.QuerySet.update


def test_it_knows_every_column_that_may_name_a_record() -> None:
    assert set(suspects()) - HARMLESS.keys() == set()


def test_it_excuses_nothing_that_is_not_there() -> None:
    known = {f"{one._meta.label}.{field.name}" for one in tables() for field in one._meta.concrete_fields}
    tables_ = {one._meta.label for one in tables()}
    assert set(HARMLESS) - known == set()
    assert {*stays, *pairs, *ledgers, *settlers} - tables_ - known == set()


def test_it_never_rewrites_an_append_only_table() -> None:
    append_only = {one._meta.label for one in tables() if is_append_only(one)}
    assert append_only - ledgers.keys() - stays.keys() == set()


@pytest.mark.django_db
def test_it_reaches_every_foreign_key_of_kinds_that_can_be_merged() -> None:
    for resource in all_resources():
        if resource.merges is None:
            continue
        walked = {(one.table, one.column) for one in pointers_to(resource)}
        keys = {
            (one._meta.label, field.attname)
            for one in tables()
            for field in one._meta.concrete_fields
            if field.is_relation and field.related_model is resource.model
        }
        assert {key for key in keys - walked if key[0] not in stays.keys() | ledgers.keys()} == set()


@pytest.mark.django_db
def test_it_can_merge_each_kind_that_says_so() -> None:
    kinds = [one for one in all_resources() if one.merges is not None]
    assert {"customers", "contacts", "leads"} <= {one.name for one in kinds}
    for resource in kinds:
        assert resource.transition("merge").page == "merge"
