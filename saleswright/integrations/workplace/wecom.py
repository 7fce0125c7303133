"""WeCom 企业微信, an application of the company's own (developer.work.weixin.qq.com/document)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from django.conf import settings
from django.utils.translation import gettext as _

from saleswright.integrations.workplace import envelope
from saleswright.integrations.workplace.adapter import (
    Callback,
    Card,
    Click,
    Final,
    Forged,
    OutsideContact,
    OutsideDepartment,
    OutsidePerson,
    Reply,
    Temporary,
    Unknown,
    Workplace,
    WorkplaceError,
)
from saleswright.integrations.workplace.client import ask, rows_of, seconds_of, text_of
from saleswright.integrations.workplace.tickets import secret, ticket

# error codes: developer.work.weixin.qq.com/document/path/90313
EXPIRED = {40014, 42001}
BUSY = {-1, 45009, 45033}
NOBODY = {40003, 46004, 60111, 84061}
LEFT = 5  # status of a person who has left the company
APPROVE = "approve"
PEOPLE_CHANGES = {"create_user", "update_user", "delete_user"}
DEPARTMENT_CHANGES = {"create_party", "update_party", "delete_party"}


class WeCom(Workplace):
    """Contacts are read with the secret of the address book where there is one, else with the application's."""

    agent_mark: ClassVar[str] = "wxwork"
    frame_ancestors: ClassVar[tuple[str, ...]] = ("https://*.work.weixin.qq.com", "https://work.weixin.qq.com")
    icon: ClassVar[str] = "message-circle"
    required: ClassVar[tuple[str, ...]] = ("corp_id", "agent_id", "secret")

    # --- asking ------------------------------------------------------------------------------------------------

    def _token(self, kind: str, stale: str = "") -> str:
        def fetch() -> tuple[str, int]:
            kept = self.connection.contacts_secret if kind == "contacts" else self.connection.secret
            query = {"corpid": self.connection.corp_id, "corpsecret": secret(kept)}
            answer = _checked(ask("GET", f"{settings.WECOM_API}/cgi-bin/gettoken", query)[1])
            return text_of(answer, "access_token"), seconds_of(answer, "expires_in")

        return ticket(self.connection, kind, fetch, stale=stale)

    def _call(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None, *, kind: str = "app"
    ) -> dict[str, Any]:
        token = self._token(kind)
        url = f"{settings.WECOM_API}/cgi-bin/{path}"
        answer = ask(method, url, {"access_token": token, **(query or {})}, body)[1]
        if answer.get("errcode") in EXPIRED:
            token = self._token(kind, stale=token)
            answer = ask(method, url, {"access_token": token, **(query or {})}, body)[1]
        return _checked(answer)

    @property
    def _contacts(self) -> str:
        return "contacts" if self.connection.contacts_secret else "app"

    # --- people ------------------------------------------------------------------------------------------------

    def departments(self) -> list[OutsideDepartment]:
        rows = rows_of(self._call("GET", "department/list", kind=self._contacts).get("department"))
        return [
            OutsideDepartment(
                str(row.get("id", "")),
                str(row.get("name", "")),
                str(row.get("parentid") or ""),
                tuple(map(str, row.get("department_leader") or ())),
            )
            for row in rows
        ]

    def people(self, departments: Sequence[str]) -> list[OutsidePerson]:
        found: dict[str, OutsidePerson] = {}
        for department in departments:
            answer = self._call("GET", "user/list", {"department_id": department}, kind=self._contacts)
            found |= {text_of(row, "userid"): _person(row) for row in rows_of(answer.get("userlist"))}
        return list(found.values())

    def person(self, person: str) -> OutsidePerson:
        return _person(self._call("GET", "user/get", {"userid": person}, kind=self._contacts))

    # --- sign-in -----------------------------------------------------------------------------------------------

    def sign_in_url(self, back: str, state: str, *, inside: bool) -> str:
        own = {"appid": self.connection.corp_id, "agentid": self.connection.agent_id}
        if inside:
            query = {**own, "redirect_uri": back, "response_type": "code", "scope": "snsapi_base", "state": state}
            return f"{settings.WECOM_OPEN}/connect/oauth2/authorize?{urlencode(query)}#wechat_redirect"
        query = {"login_type": "CorpApp", **own, "redirect_uri": back, "state": state}
        return f"{settings.WECOM_LOGIN}/wwlogin/sso/login?{urlencode(query)}"

    def identify(self, code: str) -> str:
        answer = self._call("GET", "auth/getuserinfo", {"code": code})
        found = answer.get("userid") or answer.get("UserId")
        if not isinstance(found, str) or not found:
            raise Unknown(_("Nobody of the company."))
        return found

    # --- cards -------------------------------------------------------------------------------------------------

    def send_card(self, person: str, card: Card) -> str:
        body = {
            "touser": person, "msgtype": "template_card", "agentid": self._agent, "template_card": _template(card),
        }  # fmt: skip
        answer = self._call("POST", "message/send", body=body)
        if person.lower() in str(answer.get("invaliduser", "")).lower().split("|"):
            raise Unknown(_("The application does not reach this person."))
        return str(answer.get("response_code", "")) if card.approve else ""

    def close_card(self, person: str, card: Card, update_code: str, outcome: str) -> None:
        body = {
            "userids": [person], "agentid": self._agent, "response_code": update_code,
            "button": {"replace_name": outcome[:30]},
        }  # fmt: skip
        self._call("POST", "message/update_template_card", body=body)

    @property
    def _agent(self) -> int:
        if not self.connection.agent_id.isdigit():
            raise Final(_("The agent id is a number."))
        return int(self.connection.agent_id)

    # --- callbacks ---------------------------------------------------------------------------------------------

    def read(
        self, method: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes, now: float
    ) -> Callback:
        if method == "GET":
            return Callback(echo=self._opened(query, query.get("echostr", ""), now))
        message = _xml(self._opened(query, _xml(body.decode(errors="replace")).get("Encrypt", ""), now))
        event, who = message.get("Event", "").lower(), message.get("FromUserName", "")
        context = {"to": who, "from": message.get("ToUserName", "")}
        if event == "template_card_event" and message.get("EventKey") == APPROVE:
            click = Click(message.get("TaskId", ""), who, message.get("ResponseCode", ""))
            return Callback(click=click, context=context)
        change = message.get("ChangeType", "") if event == "change_contact" else ""
        if change in PEOPLE_CHANGES:
            ids = dict.fromkeys((message.get("UserID", ""), message.get("NewUserID", "")))
            return Callback(people=tuple(filter(None, ids)), context=context)
        return Callback(departments=change in DEPARTMENT_CHANGES, context=context)

    def _opened(self, query: Mapping[str, str], ciphertext: str, now: float) -> str:
        return envelope.opened(
            secret(self.connection.callback_token), secret(self.connection.callback_key), (self.connection.corp_id,),
            query.get("msg_signature", ""), query.get("timestamp", ""), query.get("nonce", ""), ciphertext, now,
        )  # fmt: skip

    def reply(self, callback: Callback, outcome: str, now: float) -> Reply:
        if callback.echo is not None:
            return Reply(callback.echo)
        if callback.click is None:
            return Reply("")
        timestamp, nonce = str(int(now)), "saleswright"
        message = (
            f"<xml><ToUserName><![CDATA[{_cdata(callback.context['to'])}]]></ToUserName>"
            f"<FromUserName><![CDATA[{_cdata(callback.context['from'])}]]></FromUserName>"
            f"<CreateTime>{timestamp}</CreateTime><MsgType><![CDATA[update_button]]></MsgType>"
            f"<Button><ReplaceName><![CDATA[{_cdata(outcome[:30])}]]></ReplaceName></Button></xml>"
        )
        sealed = envelope.sealed(secret(self.connection.callback_key), self.connection.corp_id, message)
        signed = envelope.signature(secret(self.connection.callback_token), timestamp, nonce, sealed)
        return Reply(
            f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt><MsgSignature><![CDATA[{signed}]]></MsgSignature>"
            f"<TimeStamp>{timestamp}</TimeStamp><Nonce><![CDATA[{escape(nonce)}]]></Nonce></xml>",
            "application/xml",
        )

    # --- the side bar ------------------------------------------------------------------------------------------

    def page_signature(self, url: str, nonce: str, now: float) -> dict[str, object]:
        stamp = int(now)

        def signed(kind: str, path: str, query: dict[str, str]) -> dict[str, object]:
            def fetch() -> tuple[str, int]:
                answer = self._call("GET", path, query)
                return text_of(answer, "ticket"), seconds_of(answer, "expires_in")

            given = signature_of(ticket(self.connection, kind, fetch), nonce, stamp, url)
            return {"timestamp": stamp, "nonceStr": nonce, "signature": given}

        return {
            "corpId": self.connection.corp_id,
            "agentId": self.connection.agent_id,
            "config": signed("page", "get_jsapi_ticket", {}),
            "agentConfig": signed("agent_page", "ticket/get", {"type": "agent_config"}),
        }

    def contact(self, contact: str) -> OutsideContact | None:
        answer = self._call("GET", "externalcontact/get", {"external_userid": contact})
        about = answer.get("external_contact") or {}
        company = about.get("corp_full_name") or about.get("corp_name") or ""
        follow = rows_of(answer.get("follow_user"))
        colleagues = tuple(str(row.get("userid", "")) for row in follow)
        mobiles = [str(one) for row in follow for one in row.get("remark_mobiles") or ()]
        return OutsideContact(
            contact, str(about.get("name", "")), str(company), next(iter(mobiles), ""), colleagues=colleagues
        )


def signature_of(page_ticket: str, nonce: str, stamp: int, url: str) -> str:
    """The signature of a page, the same for both programs (document/path/90506); what follows # is not part of it."""
    text = f"jsapi_ticket={page_ticket}&noncestr={nonce}&timestamp={stamp}&url={url.partition('#')[0]}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _template(card: Card) -> dict[str, Any]:
    facts = [{"keyname": name[:5], "value": value[:26]} for name, value in card.facts[:6]]
    found: dict[str, Any] = {
        "main_title": {"title": card.title[:36], "desc": card.text[:44]},
        "horizontal_content_list": facts,
        "card_action": {"type": 1, "url": card.url},
        "task_id": card.reference,
    }
    if card.approve:
        buttons: list[dict[str, Any]] = [{"text": card.approve[:10], "style": 1, "key": APPROVE}]
        buttons += [{"text": label[:10], "style": 3, "type": 1, "url": url} for label, url in card.buttons[:5]]
        return {"card_type": "button_interaction", **found, "button_list": buttons}
    jumps = [{"type": 1, "title": label[:13], "url": url} for label, url in card.buttons[:3]]
    return {"card_type": "text_notice", **found, "sub_title_text": card.text[:112], "jump_list": jumps}


def _person(row: Mapping[str, Any]) -> OutsidePerson:
    departments = tuple(map(str, row.get("department") or ()))
    return OutsidePerson(
        id=text_of(row, "userid"),
        name=str(row.get("name", "")),
        mobile=str(row.get("mobile") or ""),
        email=str(row.get("biz_mail") or row.get("email") or ""),
        department=str(row.get("main_department") or next(iter(departments), "")),
        departments=departments,
        manager=str(next(iter(row.get("direct_leader") or ()), "")),
        left=row.get("status") == LEFT,
    )


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    code = answer.get("errcode", 0)
    if code == 0:
        return answer
    text = _("The program refuses: %(why)s") % {"why": f"{answer.get('errmsg', '')} ({code})"[:300]}
    kind: type[WorkplaceError] = Temporary if code in BUSY | EXPIRED else Unknown if code in NOBODY else Final
    raise kind(text)


def _xml(text: str) -> dict[str, str]:
    """The elements directly below the root. Raises Forged; documents with a DTD are refused, for it can explode."""
    if "<!DOCTYPE" in text.upper() or "<!ENTITY" in text.upper():
        raise Forged("a DTD")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as fault:
        raise Forged("no XML") from fault
    return {child.tag: child.text or "" for child in root}


def _cdata(text: str) -> str:
    return text.replace("]]>", "]]&gt;")
