"""Announcements, receipts and meetings: what every entity must do."""

from saleswright.interface.testing import EntityTestCase
from saleswright.kernel.models import User
from saleswright.modules.notices.actions.announcements import publish_announcement
from saleswright.modules.notices.models import Announcement, Receipt


class TestAnnouncements(EntityTestCase):
    resource = "announcements"
    change = {"title": "假期安排（修订）", "pinned": True}
    budget = 16

    def values(self):
        return {"title": "假期安排", "body": "国庆放假七天。", "everybody": True}


class TestReceipts(EntityTestCase):
    resource = "announcement-receipts"

    def create(self, client):
        one = self.make(Announcement, title="假期安排", body="国庆放假七天。", person_ids=[client.user.pk])
        publish_announcement(one.pk, actor=self.system())
        receipt = Receipt.objects.get(announcement=one, user=client.user)
        return client.get(f"announcement-receipts/{receipt.pk}").json()

    def system(self):
        from saleswright.kernel.access.actors import system

        return system("test")


class TestMeetings(EntityTestCase):
    resource = "meetings"
    change = {"place": "二楼会议室"}

    def values(self):
        person = self.make(User, username=f"guest{User.objects.count()}", name="参会人")
        return {
            "title": "周例会",
            "starts_at": "2026-11-30T09:00:00+08:00",
            "ends_at": "2026-11-30T10:00:00+08:00",
            "agenda": [{"topic": "回款", "presenter_id": person.pk, "duration": 20}],
            "participants": [{"person_id": person.pk, "optional": True}],
            "decisions": [{"text": "催收华东逾期款", "responsible_id": person.pk, "due_on": "2026-12-04"}],
        }
