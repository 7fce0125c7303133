"""What other modules use of this one."""

from saleswright.modules.work.actions.bots import BotAccess, bot_access
from saleswright.modules.work.actions.comments import follow
from saleswright.modules.work.actions.decisions import approve_request, close_requests
from saleswright.modules.work.actions.notifications import Notice, tell
from saleswright.modules.work.actions.planning import managers_of, set_discount_authority
from saleswright.modules.work.channels import (
    Channel,
    Message,
    MessageAction,
    Undelivered,
    add_channel,
    whole_id,
)
from saleswright.modules.work.files.kinds import FileGroup, group_of
from saleswright.modules.work.kinds import NoticeKind, add_kind
from saleswright.modules.work.models import Approval, ApprovalTask, Attachment, Comment, Notification, Task
from saleswright.modules.work.queries import away_between, transition_label, unread_of, waiting_for
from saleswright.modules.work.states import ApprovalState, BotService, Pace, Priority, StepState, TaskState

__all__ = [
    "Approval",
    "ApprovalState",
    "ApprovalTask",
    "Attachment",
    "BotAccess",
    "BotService",
    "Channel",
    "Comment",
    "FileGroup",
    "Message",
    "MessageAction",
    "Notice",
    "NoticeKind",
    "Notification",
    "Pace",
    "Priority",
    "StepState",
    "Task",
    "TaskState",
    "Undelivered",
    "add_channel",
    "add_kind",
    "approve_request",
    "away_between",
    "bot_access",
    "close_requests",
    "follow",
    "group_of",
    "managers_of",
    "set_discount_authority",
    "tell",
    "transition_label",
    "unread_of",
    "waiting_for",
    "whole_id",
]
