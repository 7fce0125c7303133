"""The time limits and call-back plans of a fresh installation."""

from django.utils.translation import gettext as _

from saleswright.kernel import clock
from saleswright.modules.service.models import CallbackPlan, ServiceLevel
from saleswright.modules.service.states import CallbackTrigger, Priority, TicketKind

HOUR, DAY = 60, 9 * 60
#: minutes of working time to the first response, by priority
RESPONSE = {Priority.URGENT: 30, Priority.HIGH: HOUR, Priority.NORMAL: 4 * HOUR, Priority.LOW: DAY}
#: minutes of working time to the solution of a ticket of normal priority, by kind
SOLUTION = {
    TicketKind.CONSULTATION: DAY,
    TicketKind.REPAIR: 5 * DAY,
    TicketKind.RETURN: 5 * DAY,
    TicketKind.COMPLAINT: 3 * DAY,
    TicketKind.INSTALLATION: 5 * DAY,
}
#: how many times as long as a normal one, in quarters
QUARTERS = {Priority.URGENT: 1, Priority.HIGH: 2, Priority.NORMAL: 4, Priority.LOW: 8}


def default_limits(kind: str, priority: str) -> tuple[int, int]:
    """The shipped minutes to the first response and to the solution."""
    return RESPONSE[Priority(priority)], SOLUTION[TicketKind(kind)] * QUARTERS[Priority(priority)] // 4


def ship() -> None:
    """Write the levels and plans that are missing; those that were edited stay as they are."""
    stamps = {"created_at": clock.now(), "updated_at": clock.now()}
    present = set(ServiceLevel.objects.values_list("kind", "priority"))
    ServiceLevel.objects.bulk_create(
        ServiceLevel(kind=kind, priority=priority, response_minutes=limits[0], solution_minutes=limits[1], **stamps)
        for kind in TicketKind
        for priority in Priority
        if (kind.value, priority.value) not in present and (limits := default_limits(kind, priority))
    )
    if not CallbackPlan.objects.exists():
        CallbackPlan.objects.bulk_create(
            [
                CallbackPlan(name=_("After delivery"), after=CallbackTrigger.DELIVERY, days=7, **stamps),
                CallbackPlan(name=_("After a ticket"), after=CallbackTrigger.TICKET, days=3, **stamps),
            ]
        )
