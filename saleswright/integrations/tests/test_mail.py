"""Mails as a mail server gets them."""

from datetime import UTC, datetime

import pytest
from django.utils.translation import override

from saleswright.integrations import mail
from saleswright.modules.work.public import Message, MessageAction, Undelivered

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)


def message(text="Reminder: Acme", number="abc", title="Reminder of a task", url="https://sales.example.com/tasks/7"):
    return Message(number, "task_reminder", title, text, url, AT, (MessageAction("Open", url),) if url else ())


def parts(letter):
    return {part.get_content_type(): part.get_content() for part in letter.walk() if not part.is_multipart()}


def test_it_is_ready_with_a_server_and_a_sender(settings):
    settings.EMAIL_HOST, settings.DEFAULT_FROM_EMAIL = "mail.example.com", ""
    assert not mail.ready()
    settings.DEFAULT_FROM_EMAIL = "a@example.com"
    assert mail.ready()
    settings.EMAIL_HOST = ""
    assert not mail.ready()


def test_it_sends_text_and_html(mail_server):
    mail.send("li@example.com", [message("Reminder: <b>Acme</b> & Co")])
    [(receivers, letter)] = mail_server.got
    assert receivers == ["li@example.com"]
    assert letter["Subject"] == "[Saleswright] Reminder: <b>Acme</b> & Co"
    assert (letter["To"], letter["Reply-To"], letter["Message-ID"]) == (
        "li@example.com", "help@example.com", "<abc@example.com>",
    )  # fmt: skip
    assert letter["From"].addresses[0].addr_spec == "sales@example.com"
    assert letter["Auto-Submitted"] == "auto-generated"
    found = parts(letter)
    assert "- Reminder: <b>Acme</b> & Co\n" in found["text/plain"].replace("\r", "")
    assert "https://sales.example.com/tasks/7" in found["text/plain"]
    assert "Reminder: &lt;b&gt;Acme&lt;/b&gt; &amp; Co" in found["text/html"]
    assert '<a href="https://sales.example.com/tasks/7"' in found["text/html"]


def test_it_speaks_chinese(mail_server):
    with override("zh-hans"):
        mail.send("li@example.com", [message("提醒：华东精密", title="任务提醒")])
    letter = mail_server.got[0][1]
    assert letter["Subject"] == "[销匠] 提醒：华东精密"
    assert 'lang="zh-Hans"' in parts(letter)["text/html"]
    assert "选择哪些通知发送邮件" in parts(letter)["text/plain"]


def test_it_sends_a_digest_grouped_by_kind(mail_server):
    several = [message("One", "x.1"), message("Two", "x.2", title="Mention"), message("Three", "x.3")]
    mail.send("li@example.com", several)
    letter = mail_server.got[0][1]
    assert (letter["Subject"], letter["Message-ID"]) == ("[Saleswright] 3 notices", "<x@example.com>")
    text = parts(letter)["text/plain"]
    order = [text.index(word) for word in ("Reminder of a task", "One", "Three", "Mention", "Two")]
    assert order == sorted(order)


@pytest.mark.parametrize("evil", ["Hi\r\nBcc: all@example.com", "Hi\nBcc: all@example.com", "Hi\x0bBcc: a\u2028b"])
def test_no_header_comes_out_of_a_text(mail_server, evil):
    mail.send("li@example.com", [message(evil)])
    letter = mail_server.got[0][1]
    assert letter["Bcc"] is None
    assert letter["Subject"].startswith("[Saleswright] Hi Bcc:")
    with pytest.raises(Undelivered) as refused:
        mail.send("li@example.com\nBcc: all@example.com", [message()])
    assert not refused.value.temporary
    assert len(mail_server.got) == 1


def test_it_says_which_failures_may_pass(mail_server, settings):
    for answer, temporary in (("451 try later", True), ("554 rejected", False)):
        mail_server.answers = [answer]
        with pytest.raises(Undelivered) as refused:
            mail.send("li@example.com", [message()])
        assert (refused.value.temporary, answer[:3] in refused.value.reason) == (temporary, True)
    with pytest.raises(Undelivered) as refused:
        mail.send("nobody@example.com", [message()])
    assert (refused.value.temporary, "550" in refused.value.reason) == (False, True)
    settings.EMAIL_PORT = 1
    with pytest.raises(Undelivered) as refused:
        mail.send("li@example.com", [message()])
    assert refused.value.temporary
    assert mail_server.got == []


def test_it_reaches_people_with_an_address(person):
    reached, other = person(email="a@example.com"), person()
    assert mail.addresses([reached.pk, other.pk]) == {reached.pk: "a@example.com"}
