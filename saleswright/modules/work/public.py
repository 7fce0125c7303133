"""What other modules use of this one."""

from saleswright.modules.work.actions.comments import follow
from saleswright.modules.work.actions.decisions import close_requests
from saleswright.modules.work.actions.planning import managers_of, set_discount_authority
from saleswright.modules.work.models import Approval, Notification, Task
from saleswright.modules.work.queries import unread_of, waiting_for
from saleswright.modules.work.states import Priority, TaskState

__all__ = [
    "Approval",
    "Notification",
    "Priority",
    "Task",
    "TaskState",
    "close_requests",
    "follow",
    "managers_of",
    "set_discount_authority",
    "unread_of",
    "waiting_for",
]
