"""DingTalk 钉钉, an application of the company's own (open.dingtalk.com/document)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

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
from saleswright.integrations.workplace.wecom import signature_of

# codes of the older addresses (oapi): 88 wraps a code of the gateway in sub_code
EXPIRED = {"40014", "42001"}
BUSY = {"-1", "90002", "90018", "90007", "15"}
NOBODY = {"33012", "60121", "60119"}
ROOT = "1"
PAGE = 100
INTERACTIVE = "card"  # what the update code says of cards that can be changed
APPROVE = "approve"
PEOPLE_CHANGES = {"user_add_org", "user_modify_org", "user_leave_org", "user_active_org"}
DEPARTMENT_CHANGES = {"org_dept_create", "org_dept_modify", "org_dept_remove"}


class DingTalk(Workplace):
    """Older addresses answer with `errcode`, newer ones (v1.0) with a status of HTTP and `code`.

    Lists of people don't say who manages whom, and asking for each would soon be one request too many: managers are
    those of the departments.
    """

    agent_mark: ClassVar[str] = "DingTalk"
    frame_ancestors: ClassVar[tuple[str, ...]] = ("https://*.dingtalk.com",)
    icon: ClassVar[str] = "messages"
    required: ClassVar[tuple[str, ...]] = ("corp_id", "agent_id", "client_id", "secret")

    # --- asking ------------------------------------------------------------------------------------------------

    def _token(self, stale: str = "") -> str:
        def fetch() -> tuple[str, int]:
            body = {"appKey": self.connection.client_id, "appSecret": secret(self.connection.secret)}
            answer = _new(ask("POST", f"{settings.DINGTALK_API}/v1.0/oauth2/accessToken", body=body))
            return text_of(answer, "accessToken"), seconds_of(answer, "expireIn")

        return ticket(self.connection, "app", fetch, stale=stale)

    def _old(self, path: str, body: Mapping[str, Any]) -> Any:
        """What an older address answers in `result`."""
        token, url = self._token(), f"{settings.DINGTALK_OAPI}/topapi/{path}"
        answer = ask("POST", url, {"access_token": token}, body)[1]
        if _code(answer) in EXPIRED:
            answer = ask("POST", url, {"access_token": self._token(stale=token)}, body)[1]
        code = _code(answer)
        if code == "0":
            return answer.get("result", {})
        raise _refusal(code, str(answer.get("sub_msg") or answer.get("errmsg", "")))

    def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """What a newer address answers."""
        token, url = self._token(), f"{settings.DINGTALK_API}/v1.0/{path}"
        status, answer = ask(method, url, body=body, headers={"x-acs-dingtalk-access-token": token})
        if status == 401 or answer.get("code") == "InvalidAuthentication":
            token = self._token(stale=token)
            status, answer = ask(method, url, body=body, headers={"x-acs-dingtalk-access-token": token})
        return _new((status, answer))

    def set_up(self, callback_url: str) -> None:
        """Register the address for clicks under a route key; the callback token is the secret of its signature."""
        if self.connection.card_template and self.connection.callback_token:
            body = {
                "callbackRouteKey": self._route, "callbackUrl": callback_url, "forceUpdate": True,
                "apiSecret": secret(self.connection.callback_token),
            }  # fmt: skip
            self._call("POST", "card/callbacks/register", body)

    @property
    def _route(self) -> str:
        return f"saleswright-{self.connection.client_id}"

    # --- people ------------------------------------------------------------------------------------------------

    def departments(self) -> list[OutsideDepartment]:
        found: dict[str, OutsideDepartment] = {}
        waiting = list(self.connection.chosen) or [ROOT]
        while waiting:
            number = _number(waiting.pop(0))
            if str(number) in found:
                continue
            row = self._old("v2/department/get", {"dept_id": number})
            managers = tuple(map(str, row.get("dept_manager_userid_list") or ()))
            parent = str(row.get("parent_id") or "")
            found[str(number)] = OutsideDepartment(str(number), str(row.get("name", "")), parent, managers)
            waiting += [
                str(child.get("dept_id", ""))
                for child in rows_of(self._old("v2/department/listsub", {"dept_id": number}))
            ]
        return list(found.values())

    def people(self, departments: Sequence[str]) -> list[OutsidePerson]:
        found: dict[str, OutsidePerson] = {}
        for department in departments:
            cursor: Any = 0
            while cursor is not None:
                body = {"dept_id": _number(department), "cursor": cursor, "size": PAGE}
                answer = self._old("v2/user/list", body)
                for row in rows_of(answer.get("list")):
                    found.setdefault(text_of(row, "userid"), _person(row, department))
                cursor = answer.get("next_cursor") if answer.get("has_more") else None
        return list(found.values())

    def person(self, person: str) -> OutsidePerson:
        return _person(self._old("v2/user/get", {"userid": person}))

    # --- sign-in -----------------------------------------------------------------------------------------------

    def sign_in_url(self, back: str, state: str, *, inside: bool) -> str:
        query = {
            "redirect_uri": back, "response_type": "code", "client_id": self.connection.client_id,
            "scope": "openid corpid", "state": state, "corpId": self.connection.corp_id,
        }  # fmt: skip
        # within its own browser the person is known; elsewhere they are to see as whom they go in
        query["prompt"] = "auto" if inside else "consent"
        return f"{settings.DINGTALK_LOGIN}/oauth2/auth?{urlencode(query)}"

    def identify(self, code: str) -> str:
        body = {
            "clientId": self.connection.client_id, "clientSecret": secret(self.connection.secret), "code": code,
            "grantType": "authorization_code",
        }  # fmt: skip
        granted = _new(ask("POST", f"{settings.DINGTALK_API}/v1.0/oauth2/userAccessToken", body=body))
        headers = {"x-acs-dingtalk-access-token": text_of(granted, "accessToken")}
        who = _new(ask("GET", f"{settings.DINGTALK_API}/v1.0/contact/users/me", headers=headers))
        found = self._old("user/getbyunionid", {"unionid": text_of(who, "unionId")})
        if found.get("contact_type", 0) != 0 or not found.get("userid"):
            raise Unknown(_("Nobody of the company."))
        return str(found["userid"])

    # --- cards -------------------------------------------------------------------------------------------------

    def send_card(self, person: str, card: Card) -> str:
        if card.approve and self.connection.card_template and self.connection.robot_code:
            self._deliver(person, card)
            return INTERACTIVE
        lines = [f"### {card.title}", card.text, *(f"- {name}: {value}" for name, value in card.facts)]
        buttons = [(card.open_label, card.url), *card.buttons]
        message = {
            "title": card.title[:64],
            "markdown": "\n\n".join(filter(None, lines)),
            "btn_orientation": "1",
            "btn_json_list": [{"title": label, "action_url": url} for label, url in buttons[:3]],
        }
        body = {
            "agent_id": _number(self.connection.agent_id), "userid_list": person,
            "msg": {"msgtype": "action_card", "action_card": message},
        }  # fmt: skip
        self._old("message/corpconversation/asyncsend_v2", body)
        return ""

    def _deliver(self, person: str, card: Card) -> None:
        reject = next(iter(card.buttons), ("", card.url))
        values = {
            "title": card.title, "text": card.text, "open_url": card.url, "reject_url": reject[1], "status": "",
            "open": "true", "facts": "\n".join(f"{name}: {value}" for name, value in card.facts),
        }  # fmt: skip
        body = {
            "cardTemplateId": self.connection.card_template,
            "outTrackId": card.reference,
            "userIdType": 1,
            "callbackType": "HTTP",
            "callbackRouteKey": self._route,
            "cardData": {"cardParamMap": values},
            "openSpaceId": f"dtv1.card//IM_ROBOT.{person}",
            "imRobotOpenSpaceModel": {"supportForward": False},
            "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT", "robotCode": self.connection.robot_code},
        }
        result = self._call("POST", "card/instances/createAndDeliver", body).get("result") or {}
        for one in rows_of(result.get("deliverResults")):
            if one.get("success") is False:
                raise Final(_("The program refuses: %(why)s") % {"why": str(one.get("errorMsg", ""))[:300]})

    def close_card(self, person: str, card: Card, update_code: str, outcome: str) -> None:
        if update_code != INTERACTIVE:
            return  # a card that only leads to the page says there what came of it
        values = {"status": outcome, "open": "false"}
        body = {
            "outTrackId": card.reference, "cardData": {"cardParamMap": values},
            "cardUpdateOptions": {"updateCardDataByKey": True},
        }  # fmt: skip
        self._call("PUT", "card/instances", body)

    # --- callbacks ---------------------------------------------------------------------------------------------

    def read(
        self, method: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes, now: float
    ) -> Callback:
        if method != "POST":
            raise Forged("not posted")
        if "x-ddpaas-signature" in headers:
            return self._read_click(headers, _json(body), now)
        given = query.get("msg_signature") or query.get("signature", "")
        told = _json(
            envelope.opened(
                secret(self.connection.callback_token), secret(self.connection.callback_key),
                (self.connection.client_id, self.connection.corp_id), given,
                query.get("timestamp") or query.get("timeStamp", ""), query.get("nonce", ""),
                str(_json(body).get("encrypt", "")), now,
            ).encode()
        )  # fmt: skip
        event = told.get("EventType")
        if event in PEOPLE_CHANGES:
            ids = told.get("UserId") or told.get("userId") or []
            return Callback(people=tuple(map(str, ids if isinstance(ids, list) else [ids])))
        return Callback(departments=event in DEPARTMENT_CHANGES)

    def _read_click(self, headers: Mapping[str, str], told: Mapping[str, Any], now: float) -> Callback:
        stamp = headers.get("x-ddpaas-signature-timestamp", "")
        key = secret(self.connection.callback_token).encode()
        expected = base64.b64encode(hmac.new(key, stamp.encode(), hashlib.sha256).digest())
        if not hmac.compare_digest(expected, headers["x-ddpaas-signature"].encode()):
            raise Forged("wrong signature")
        envelope.check_time(stamp, now)
        if told.get("corpId", self.connection.corp_id) != self.connection.corp_id:
            raise Forged("of another company")
        content = told.get("content") or told.get("value") or "{}"
        params = (_json(str(content).encode()).get("cardPrivateData") or {}).get("params") or {}
        if params.get("action") != APPROVE:
            return Callback()
        return Callback(click=Click(str(told.get("outTrackId", "")), str(told.get("userId", "")), INTERACTIVE))

    def reply(self, callback: Callback, outcome: str, now: float) -> Reply:
        if callback.click is not None:
            values = {"status": outcome, "open": "false"}
            body = {"cardUpdateOptions": {"updateCardDataByKey": True}, "cardData": {"cardParamMap": values}}
            return Reply(json.dumps(body, ensure_ascii=False), "application/json")
        timestamp, nonce = str(int(now * 1000)), "saleswright"
        sealed = envelope.sealed(secret(self.connection.callback_key), self.connection.client_id, "success")
        signed = envelope.signature(secret(self.connection.callback_token), timestamp, nonce, sealed)
        answer = {"msg_signature": signed, "timeStamp": timestamp, "nonce": nonce, "encrypt": sealed}
        return Reply(json.dumps(answer), "application/json")

    # --- the side bar ------------------------------------------------------------------------------------------

    def page_signature(self, url: str, nonce: str, now: float) -> dict[str, object]:
        def fetch() -> tuple[str, int]:
            answer = self._call("POST", "oauth2/jsapiTickets", {})
            return text_of(answer, "jsapiTicket"), seconds_of(answer, "expireIn")

        stamp = int(now)
        given = signature_of(ticket(self.connection, "page", fetch), nonce, stamp, url)
        return {
            "corpId": self.connection.corp_id,
            "agentId": self.connection.agent_id,
            "config": {"timeStamp": stamp, "nonceStr": nonce, "signature": given},
        }

    def contact(self, contact: str) -> OutsideContact | None:
        return None


def _person(row: Mapping[str, Any], department: str = "") -> OutsidePerson:
    departments = tuple(map(str, row.get("dept_id_list") or ()))
    return OutsidePerson(
        id=text_of(row, "userid"),
        name=str(row.get("name", "")),
        mobile=str(row.get("mobile") or ""),
        email=str(row.get("org_email") or row.get("email") or ""),
        department=next(iter(departments), department),
        departments=departments or ((department,) if department else ()),
    )


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise Final(_("“%(id)s” is no id of DingTalk: it is a number.") % {"id": text})
    return int(text)


def _code(answer: Mapping[str, Any]) -> str:
    code = str(answer.get("errcode", 0))
    return str(answer.get("sub_code", code)) if code == "88" else code


def _refusal(code: str, why: str) -> WorkplaceError:
    text = _("The program refuses: %(why)s") % {"why": f"{why} ({code})"[:300]}
    kind: type[WorkplaceError] = Temporary if code in BUSY | EXPIRED else Unknown if code in NOBODY else Final
    return kind(text)


def _new(outcome: tuple[int, dict[str, Any]]) -> dict[str, Any]:
    status, answer = outcome
    if 200 <= status < 300:
        return answer
    code, why = str(answer.get("code", status)), str(answer.get("message", ""))
    text = _("The program refuses: %(why)s") % {"why": f"{why} ({code})"[:300]}
    raise (Temporary if "QpsLimit" in code or status == 401 else Final)(text)


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError as fault:
        raise Forged("no JSON") from fault
    if not isinstance(found, dict):
        raise Forged("no object")
    return found
