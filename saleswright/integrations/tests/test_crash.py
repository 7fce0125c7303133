"""Workers that are killed while they send, as real processes against a real mail server."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext_lazy

from saleswright.integrations.tests.servers import BotServer
from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.records import save_record
from saleswright.kernel.transactions import atomic
from saleswright.kernel.words import said
from saleswright.modules.work.actions import preferences
from saleswright.modules.work.actions.notifications import Notice, tell
from saleswright.modules.work.actions.preferences import COMPANY, Hours
from saleswright.modules.work.models import GroupBot, NoticeDelivery, Notification

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres, pytest.mark.slow]
PEOPLE, EACH = 10, 20
TEXT = gettext_lazy("Reminder: %(title)s")


@pytest.fixture
def start(mail_server, bot_server, transactional_db):
    """Starts a worker process on this test's database."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one worker, within the serving process")
    entry, started = connection.settings_dict, []
    password = f":{entry['PASSWORD']}" if entry["PASSWORD"] else ""
    place = f"{entry['USER']}{password}@{entry['HOST']}:{entry['PORT'] or 5432}/{entry['NAME']}"

    def make():
        environment = {
            **os.environ, "DATABASE_URL": f"postgresql://{place}", "MAIL_HOST": "127.0.0.1",
            "MAIL_PORT": str(mail_server.port), "MAIL_SECURITY": "none", "MAIL_FROM": "sales@example.com",
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8", "SECRET_KEY": settings.SECRET_KEY,
        }  # fmt: skip
        for name in ("PYTEST_VERSION", "TEST_DATABASE_URL", "TEST_DB_NAME"):
            environment.pop(name, None)
        command = [sys.executable, "-m", "saleswright.integrations.tests.mail_worker"]
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))
        return started[-1]

    yield make
    for process in started:
        process.kill()
        process.wait()


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        states = Counter(NoticeDelivery.objects.values_list("state", flat=True))
        assert time.monotonic() < deadline, states
        time.sleep(0.02)


def test_a_worker_killed_in_the_middle_loses_nothing_and_repeats_nothing_unmarked(
    start, mail_server, bot_server, person, browse
):
    at = clock.now()
    preferences.set_hours(COMPANY, Hours(None, None, days_off=False), actor=system("test"), at=at)
    people = [person("sales_representative", email=f"p{n}@example.com", language="en") for n in range(PEOPLE)]
    bot = {
        "name": "群", "service": "feishu_bot", "url": bot_server.base + "/feishu", "secret": BotServer.SECRET,
        "kinds": ["task_reminder"],
    }  # fmt: skip
    save_record(GroupBot, bot, actor=system("test"))
    with atomic():
        tell(
            [
                Notice(user.pk, said(TEXT, title=f"No. {number} for {user.username}"), "", 0, "task_reminder")
                for number in range(EACH)
                for user in people
            ],
            at=at,
        )
    assert Notification.objects.count() == PEOPLE * EACH
    mail_server.slow = 0.03
    for so_far in (40, 110):  # twice, each time while it hands something over
        worker = start()
        wait_for(lambda so_far=so_far: len(mail_server.got) >= so_far)
        mail_server.began.clear()
        mail_server.began.wait(10)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    mail_server.slow = 0.0
    for _worker in range(2):
        start()
    mails = NoticeDelivery.objects.filter(channel="email")
    wait_for(lambda: mails.filter(state="sent").count() == PEOPLE * EACH)

    got = [(receivers[0], letter["Message-ID"], letter["Subject"]) for receivers, letter in mail_server.got]
    ids = {number for _to, number, _subject in got}
    assert len(ids) == PEOPLE * EACH
    assert len(set(got)) == PEOPLE * EACH  # under one id the same, to the same person
    assert len(got) - len(ids) <= 2  # what was being handed over at the two deaths
    for user in people:
        theirs = {subject for to, _number, subject in set(got) if to == user.email}
        assert theirs == {f"[Saleswright] Reminder: No. {n} for {user.username}" for n in range(EACH)}

    page = browse(people[0]).get("/notifications", headers={"Accept-Language": "en"}).content.decode()
    for number in range(EACH):
        assert page.count(f"No. {number} for {people[0].username}<") == 1

    wait_for(lambda: NoticeDelivery.objects.filter(channel="feishu_bot", state="sent").count() >= 60)
    told, seen = "", set()
    for _service, body, headers, _at in bot_server.got:
        if headers["X-Message-Id"] not in seen:
            seen.add(headers["X-Message-Id"])
            told += body["card"]["elements"][0]["text"]["content"] + "\n"
    first = NoticeDelivery.objects.filter(channel="feishu_bot", state="sent").values_list("arguments__title", flat=True)
    assert all(told.count(f"{title}\n") == 1 for title in first)
