"""What administrators do with what was given up, and trying out the mail server."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import Conflict
from saleswright.kernel.models import User
from saleswright.kernel.transactions import atomic
from saleswright.kernel.transitions import transition
from saleswright.kernel.words import kept_words
from saleswright.modules.work.actions.planning_out import start
from saleswright.modules.work.actions.preferences import RIGHT
from saleswright.modules.work.channels import channel_named
from saleswright.modules.work.models import NoticeDelivery
from saleswright.modules.work.states import NoticeState, Pace

MOST = 1000  # of those that are sent again at once


@transition(
    "notice-deliveries", "send-again", label=gettext_lazy("Send again"), icon="repeat",
    source=[NoticeState.FAILED, NoticeState.DROPPED], target=NoticeState.WAITING,
)  # fmt: skip
def send_again(delivery: NoticeDelivery, *, actor: Actor, at: datetime) -> None:
    """Put it back into the queue with all its attempts; what was part of a digest goes as it was."""
    delivery.attempts, delivery.due_at, delivery.claimed_until, delivery.problem = 0, at, None, ""
    delivery.problem_source, delivery.problem_arguments = "", {}
    start(delivery.channel, at=at)


def send_all_again(*, actor: Actor, at: datetime) -> int:
    """Put the oldest thousand that failed back into the queue; returns how many there were. Raises NotAllowed."""
    actor.require(RIGHT)
    failed = NoticeDelivery.objects.filter(state=NoticeState.FAILED).order_by("id")
    ids = list(failed.values_list("pk", flat=True)[:MOST])
    with atomic():
        for pk in ids:
            send_again(pk, actor=actor, at=at)
    return len(ids)


def send_test(channel: str, *, actor: Actor, at: datetime) -> NoticeDelivery:
    """Send the administrator a message by a personal channel; what became of it stands in the log.

    Raises NotAllowed, and Conflict when the channel is not set up or the person has no address.
    """
    actor.require(RIGHT)
    found = channel_named(channel)
    if found is None or not found.personal or not found.ready() or actor.user_id is None:
        raise Conflict(_("This channel is not set up."))
    address = found.address_of([actor.user_id]).get(actor.user_id, "")
    if not address:
        raise Conflict(_("You have no address for this channel."))
    words = gettext_lazy("This is a test: notices can reach you here.")
    with atomic():
        source, arguments = kept_words(words)
        made = NoticeDelivery.objects.create(
            user=User.objects.get(pk=actor.user_id), channel=channel, address=address[:300], pace=Pace.NOW,
            kind="other", text=str(words), source=source, arguments=arguments, resource="", record_id=0, path="/",
            batch=uuid4().hex, due_at=at, created_at=at, updated_at=at, created_by_id=actor.user_id,
        )  # fmt: skip
        record_audit([AuditLine("notice-deliveries", made.pk, channel, "test")], actor=actor, at=at)
        start(channel, at=at)
    return made
