"""The kernel's tables."""

from saleswright.kernel.models.access import (
    AccessVersion,
    ApiToken,
    Collaborator,
    Department,
    EmploymentState,
    Grant,
    Region,
    Role,
    RoleMembership,
    User,
)
from saleswright.kernel.models.base import OwnedRecord, Record, person
from saleswright.kernel.models.company import Company, ExchangeRate, NumberSeries
from saleswright.kernel.models.ledger import (
    AuditEntry,
    AuditHead,
    Counter,
    EventDelivery,
    IdempotencyKey,
    Job,
    JobState,
    OutboxEvent,
    SearchRow,
)

__all__ = [
    "AccessVersion",
    "ApiToken",
    "AuditEntry",
    "AuditHead",
    "Collaborator",
    "Company",
    "Counter",
    "Department",
    "EmploymentState",
    "EventDelivery",
    "ExchangeRate",
    "Grant",
    "IdempotencyKey",
    "Job",
    "JobState",
    "NumberSeries",
    "OutboxEvent",
    "OwnedRecord",
    "Record",
    "Region",
    "Role",
    "RoleMembership",
    "SearchRow",
    "User",
    "person",
]
