"""What kinds of segments there are."""

from django.utils.translation import gettext_lazy as _

from saleswright.kernel.states import States


class SegmentKind(States):
    """Whether the members follow from conditions, or are named."""

    LIVE = "live", "blue", _("By conditions")
    FIXED = "fixed", "purple", _("Fixed list")


class Card(States):
    """By which card a customer is graded."""

    CUSTOMER = "customer", "green", _("Customer")
    PROSPECT = "prospect", "azure", _("Prospect")


class LevelCause(States):
    """Why the level of a customer changed."""

    GRADED = "graded", "blue", _("Graded")
    SET = "set", "purple", _("Set by hand")
    ENDED = "ended", "secondary", _("Set by hand no more")


class CareKind(States):
    """What a care plan asks for."""

    CONTACT = "contact", "blue", _("Get in touch")
    VISIT = "visit", "green", _("Visit")
    FESTIVAL = "festival", "red", _("Festival wishes")
    BIRTHDAY = "birthday", "pink", _("Birthday wishes")
    VERIFY = "verify", "orange", _("Verify the record")


class CareState(States):
    """What became of a duty of care."""

    OPEN = "open", "blue", _("To be done")
    DONE = "done", "green", _("Done")
    DROPPED = "dropped", "secondary", _("Dropped")
