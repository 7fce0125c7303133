"""Group bots as the services get them, and as administrators set them up."""

import json
import time
from datetime import UTC, datetime

import pytest

from saleswright.integrations import bots
from saleswright.integrations.tests.servers import BotServer
from saleswright.kernel import clock, transport
from saleswright.kernel.errors import Conflict
from saleswright.kernel.models import Department
from saleswright.kernel.ports import ports
from saleswright.kernel.records import save_record
from saleswright.modules.customers.public import Customer
from saleswright.modules.work.actions import delivery
from saleswright.modules.work.actions.bots import bot_access
from saleswright.modules.work.actions.bots import test_bot as try_bot
from saleswright.modules.work.models import GroupBot, NoticeDelivery
from saleswright.modules.work.public import BotAccess, Message, MessageAction, Undelivered

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
ADDRESSES = {"wecom_bot": "/wecom?key=k", "dingtalk_bot": "/dingtalk?access_token=t", "feishu_bot": "/feishu"}


def message(text="李明 请您审批：CT-1", number="abc", url="https://sales.example.com/approvals/7"):
    actions = (MessageAction("打开", url),) if url else ()
    return Message(number, "approval_asked", "请求审批", text, url, AT, actions)


@pytest.fixture
def new_bot(bot_server, root):
    def make(service="wecom_bot", **values):
        given = {
            "name": f"群 {service}", "service": service, "url": bot_server.base + ADDRESSES[service],
            "secret": BotServer.SECRET, "kinds": ["mention", "overdue"],
        }  # fmt: skip
        return save_record(GroupBot, given | values, actor=root)

    return make


def notify(people, text="News", kind="mention", customer=None):
    ports.notification.notify(
        user_ids=[one.pk for one in people], text=text, resource="customers" if customer else "",
        record_id=customer.pk if customer else 0, at=clock.now(), kind=kind,
    )  # fmt: skip


# --- forms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", list(ADDRESSES))
@pytest.mark.parametrize("count", [1, 3])
def test_it_is_taken_by_each_service(new_bot, bot_server, service, count):
    bot = new_bot(service)
    send = next(one.send for one in bots.CHANNELS if one.name == service)
    send(str(bot.pk), [message(f"Text {n}", f"abc.{n}") for n in range(count)])
    [(_name, body, headers, _at)] = bot_server.got
    assert headers["X-Message-Id"] == "abc"
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert all(f"Text {n}" in json.dumps(body, ensure_ascii=False) for n in range(count))
    assert "https://sales.example.com/approvals/7" in json.dumps(body)


def test_it_signs_as_documented():
    """DingTalk: HMAC of time in ms, line feed, secret under the secret; Feishu: of nothing under seconds and secret."""
    url, _body = bots.dingtalk(BotAccess("https://x/send?access_token=t", "SEC1"), [message()], AT)
    assert url == (
        "https://x/send?access_token=t&timestamp=1795575600000&sign=hxOPbQBwIqMzkcXbbkmRW6hzipluNSYI3Vdsm0UvdhI%3D"
    )
    _url, body = bots.feishu(BotAccess("https://x", "SEC1"), [message()], AT)
    assert body["sign"] == "+H6N9lnvaqVO03VrhvROzNlJ/12OnxkvkEfwPG186Fc="
    assert body["timestamp"] == "1795575600"
    assert bots.dingtalk(BotAccess("https://x/send?access_token=t", ""), [message()], AT)[0].endswith("?access_token=t")
    assert "sign" not in bots.feishu(BotAccess("https://x", ""), [message()], AT)[1]


def test_what_people_wrote_stays_text():
    evil = "see [here](http://evil) <@all> **bold** `x`\n# head"
    wecom = bots.wecom(BotAccess("", ""), [message(evil)], AT)[1]["markdown"]["content"]
    assert "[here]" not in wecom
    assert "<@all>" not in wecom
    assert wecom.count("\n") == 1
    for made in (bots.dingtalk, bots.feishu):
        text = json.dumps(made(BotAccess("", ""), [message(evil)], AT)[1], ensure_ascii=False)
        assert "<@all>" not in text
        assert "[here](" not in text


def test_it_keeps_within_the_size_of_a_message():
    many = [message("很长的内容" * 60, f"abc.{n}") for n in range(20)]
    text = bots.wecom(BotAccess("", ""), many, AT)[1]["markdown"]["content"]
    assert len(text.encode()) <= 4096
    assert text.splitlines()[-1].startswith("… and ")
    for made in (bots.dingtalk, bots.feishu):
        assert len(json.dumps(made(BotAccess("", ""), many * 5, AT)[1], ensure_ascii=False).encode()) <= 20_000


@pytest.mark.parametrize(
    ("service", "answer", "temporary"),
    [
        ("wecom_bot", {"errcode": 45009, "errmsg": "api freq out of limit"}, True),
        ("wecom_bot", {"errcode": 93000, "errmsg": "invalid webhook url"}, False),
        ("dingtalk_bot", {"errcode": 130101, "errmsg": "send too fast"}, True),
        ("dingtalk_bot", {"errcode": 310000, "errmsg": "sign not match"}, False),
        ("feishu_bot", {"code": 11232, "msg": "frequency limited"}, True),
        ("feishu_bot", {"code": 19021, "msg": "sign match fail"}, False),
    ],
)
def test_a_refusal_in_the_answer_is_a_failure(new_bot, bot_server, service, answer, temporary):
    bot, bot_server.refusals = new_bot(service), [answer]
    send = next(one.send for one in bots.CHANNELS if one.name == service)
    with pytest.raises(Undelivered) as refused:
        send(str(bot.pk), [message()])
    assert refused.value.temporary is temporary
    assert str(answer.get("errcode") or answer.get("code")) in refused.value.reason


def test_it_fails_for_what_is_no_answer(new_bot):
    for outcome in (
        transport.Outcome(1, problem="No answer"), transport.Outcome(1, 500, '{"errcode": 0}'),
        transport.Outcome(1, 200, "<html>"), transport.Outcome(1, 200, "[]"), transport.Outcome(1, 200, "{}"),
    ):  # fmt: skip
        with pytest.raises(Undelivered):
            bots.read_answer("wecom_bot", outcome)
    bots.read_answer("feishu_bot", transport.Outcome(1, 200, '{"StatusCode": 0, "StatusMessage": "success"}'))


def test_it_fails_for_a_bot_that_is_gone_or_can_not_be_read(new_bot, settings):
    send = bots.CHANNELS[0].send
    with pytest.raises(Undelivered) as refused:
        send("999999", [message()])
    assert not refused.value.temporary
    bot = new_bot()
    settings.SECRET_KEY = "another"
    with pytest.raises(Undelivered) as refused:
        send(str(bot.pk), [message()])
    assert "Enter it again" in refused.value.reason


def test_it_calls_no_address_within(new_bot, bot_server, settings):
    bot = new_bot()
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    with pytest.raises(Undelivered):
        bots.CHANNELS[0].send(str(bot.pk), [message()])
    assert bot_server.got == []


# --- which notices go where ------------------------------------------------------------------------------------


def test_a_group_is_told_once_whom_it_concerns(new_bot, bot_server, person):
    new_bot()
    people = [person(name="王芳"), person(name="李娜")]
    notify(people, "Acme wants an answer")
    notify(people, "A reminder", kind="task_reminder")  # not for this group
    assert NoticeDelivery.objects.count() == 1
    assert delivery.send_waiting("wecom_bot")["sent"] == 1
    text = bot_server.got[0][1]["markdown"]["content"]
    assert "致 王芳、李娜：Acme wants an answer" in text


def test_a_group_is_told_of_its_department_alone(new_bot, root, person):
    east = save_record(Department, {"name": "华东"}, actor=root)
    shanghai = save_record(Department, {"name": "上海", "parent": east.pk}, actor=root)
    south = save_record(Department, {"name": "华南"}, actor=root)
    new_bot(department=east.pk)
    someone = person()
    for place in (shanghai, south):
        owner = person("sales_representative", department=place)
        notify([someone], customer=save_record(Customer, {"name": place.name, "owner": owner.pk}, actor=root))
    notify([someone], "about no record")
    told = Customer.objects.get(name="上海")
    assert list(NoticeDelivery.objects.values_list("record_id", flat=True)) == [told.pk]


def test_a_bot_that_is_switched_off_is_told_nothing(new_bot, root, person):
    bot = new_bot(active=False)
    notify([person()])
    assert not NoticeDelivery.objects.exists()
    with pytest.raises(Conflict):
        try_bot(bot.pk, actor=root)
    assert not NoticeDelivery.objects.exists()


def test_it_keeps_to_twenty_messages_a_minute(new_bot, bot_server, person):
    """What waits is gathered: forty notices are two messages, more than three seconds apart."""
    new_bot()
    someone = person()
    for number in range(40):
        notify([someone], f"Notice {number}")
    assert delivery.send_waiting("wecom_bot")["sent"] == 1
    assert delivery.send_waiting("wecom_bot")["sent"] == 0
    time.sleep(3.2)
    assert delivery.send_waiting("wecom_bot")["sent"] == 1
    first, second = (at for _name, _body, _headers, at in bot_server.got)
    assert second - first >= 3.0
    told = "".join(body["markdown"]["content"] + "\n" for _name, body, _headers, _at in bot_server.got)
    assert [told.count(f"Notice {n}\n") for n in range(40)] == [1] * 40


def test_it_sends_a_test(new_bot, bot_server, root):
    bot = new_bot("feishu_bot")
    try_bot(bot.pk, actor=root)
    assert delivery.send_waiting("feishu_bot")["sent"] == 1
    assert "本群的机器人已设置成功" in json.dumps(bot_server.got[0][1], ensure_ascii=False)


# --- setting up ------------------------------------------------------------------------------------------------


def test_address_and_secret_are_kept_encrypted_and_never_shown(new_bot, api, bot_server):
    bot = new_bot()
    bot.refresh_from_db()
    assert bot_access(str(bot.pk)) == BotAccess(bot_server.base + "/wecom?key=k", BotServer.SECRET)
    assert BotServer.SECRET not in bot.secret
    assert "key=k" not in bot.url
    shown = api().get(f"notice-bots/{bot.pk}").content.decode()
    assert "key=k" not in shown
    assert BotServer.SECRET not in shown
    assert json.loads(shown)["kinds"] == ["mention", "overdue"]
