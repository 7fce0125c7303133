"""What other modules may use of announcements and meetings."""

from saleswright.modules.notices.models import Announcement, Decision, Meeting, Participant
from saleswright.modules.notices.queries import Busy, busy_sources
from saleswright.modules.notices.states import AnnouncementStatus, MeetingStatus

__all__ = [
    "Announcement",
    "AnnouncementStatus",
    "Busy",
    "Decision",
    "Meeting",
    "MeetingStatus",
    "Participant",
    "busy_sources",
]
