"""The kernel's tables."""

from saleswright.kernel.models.access import (
    AccessVersion,
    ApiToken,
    Collaborator,
    Department,
    EmploymentState,
    Grant,
    RecoveryCode,
    Region,
    Role,
    RoleMembership,
    SecondFactor,
    Session,
    SignInMethod,
    User,
)
from saleswright.kernel.models.base import OwnedRecord, Record, person
from saleswright.kernel.models.company import Company, ExchangeRate, NumberSeries, SpecialDay, Weekday, WorkingDay
from saleswright.kernel.models.custom import CustomChoice, CustomField
from saleswright.kernel.models.dictionaries import Dictionary, DictionaryEntry
from saleswright.kernel.models.holding import PastHolding
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
from saleswright.kernel.models.limits import LimitNotice, StateLimit
from saleswright.kernel.models.merging import Merge, MergedRecord, MergeMove, MergeStatus
from saleswright.kernel.models.privacy import DataGroup, UnmaskCount

__all__ = [
    "AccessVersion",
    "ApiToken",
    "AuditEntry",
    "AuditHead",
    "Collaborator",
    "Company",
    "Counter",
    "CustomChoice",
    "CustomField",
    "DataGroup",
    "Department",
    "Dictionary",
    "DictionaryEntry",
    "EmploymentState",
    "EventDelivery",
    "ExchangeRate",
    "Grant",
    "IdempotencyKey",
    "Job",
    "JobState",
    "LimitNotice",
    "Merge",
    "MergeMove",
    "MergeStatus",
    "MergedRecord",
    "NumberSeries",
    "OutboxEvent",
    "OwnedRecord",
    "PastHolding",
    "Record",
    "RecoveryCode",
    "Region",
    "Role",
    "RoleMembership",
    "SearchRow",
    "SecondFactor",
    "Session",
    "SignInMethod",
    "SpecialDay",
    "StateLimit",
    "UnmaskCount",
    "User",
    "Weekday",
    "WorkingDay",
    "person",
]
