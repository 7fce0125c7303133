"""Approvals, tasks, comments, attachments, notifications."""

from saleswright.interface import modules
from saleswright.kernel.ports import ports


class WorkConfig(modules.ModuleConfig):
    """What people do around records of every kind."""

    name = "saleswright.modules.work"
    label = "work"

    def ready(self) -> None:
        super().ready()
        from saleswright.interface import timeline
        from saleswright.interface.pages import details
        from saleswright.modules.work import merging, queries  # noqa: F401  merging says what stands against one
        from saleswright.modules.work.actions.notifications import NoticeBoard
        from saleswright.modules.work.actions.requests import ApprovalDesk
        from saleswright.modules.work.files import pages as file_pages

        details.everywhere.append(file_pages.panel_address)
        ports.approval = ApprovalDesk()
        ports.notification = NoticeBoard()
        timeline.contributors += [
            queries.comments_on,
            queries.attachments_of,
            queries.decisions_about,
            queries.mails_about,
        ]
        timeline.furnishers.append(queries.conversation)
