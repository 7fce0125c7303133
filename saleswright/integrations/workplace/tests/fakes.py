"""WeCom and DingTalk on this machine: they check every request as the real ones do, and can fail like them.

Both are used through `Office`, so that a test says once what it expects of either.
"""

import base64
import hashlib
import hmac
import json
import threading
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

from saleswright.integrations.workplace import envelope

SECRET, TOKEN, KEY = "app-secret-of-the-company", "callbackToken", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
CORP, AGENT, CLIENT = "ww1234567890abcdef", "1000002", "dingclient123"
PAGE_TICKETS = {"page": "page-ticket", "agent": "agent-ticket"}


class Office(ABC):
    """A program with its staff. `failures` are what the next requests meet: busy, expired, 500, junk, slow, final."""

    provider: str
    #: settings that lead to it
    addresses: tuple[str, ...]

    def __init__(self):
        self.people, self.departments, self.codes, self.customers = {}, {}, {}, {}
        self.sent, self.closed, self.asked, self.failures, self.problems = [], [], [], [], []
        self.tokens, self.valid, self.lock = 0, set(), threading.Lock()
        office = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                size = int(self.headers.get("Content-Length") or 0)
                office._answer(self, self.command, self.rfile.read(size))

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *args):
                """Tests say what matters themselves."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, handler, method, body):
        parts = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        failure = self.failures.pop(0) if self.failures else ""
        if failure == "slow":
            time.sleep(1)
            failure = ""
        status, answer = 200, None
        if failure == "500":
            status, answer = 502, {}
        elif failure == "junk":
            answer = "<html>not JSON"
        elif failure == "redirect":
            handler.send_response(302)
            handler.send_header("Location", "http://127.0.0.1:9/")
            handler.end_headers()
            return
        if answer is None:
            with self.lock:
                self.asked.append(parts.path)
                try:
                    given = json.loads(body) if body else {}
                    status, answer = self.handle(method, parts.path, query, given, handler.headers, failure)
                except AssertionError as wrong:  # a request of the wrong form: the test shall see it
                    self.problems.append(f"{method} {handler.path}: {wrong}")
                    status, answer = 400, {"code": "badRequest", "message": str(wrong), "errcode": 40035}
        sent = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        with suppress(OSError):  # who has asked may have lost patience
            handler.send_response(status)
            handler.end_headers()
            handler.wfile.write(sent.encode())

    def new_token(self):
        self.tokens += 1
        self.valid = {f"token-{self.tokens}"}
        return f"token-{self.tokens}"

    def expire(self):
        """Every token that was given ends now."""
        self.valid = set()

    def department(self, pk, name, parent="1", managers=()):
        self.departments[pk] = {"name": name, "parent": parent, "managers": list(managers)}

    def person(self, pk, name, department, mobile="", email="", manager=""):
        self.people[pk] = {"name": name, "department": department, "mobile": mobile, "email": email, "manager": manager}

    @abstractmethod
    def handle(self, method, path, query, body, headers, failure):
        """Status and answer of a request."""

    @abstractmethod
    def click(self, client, reference, person, *, at=None, forged=False, update_code="click-code"):
        """Post a press of the approve button as the program does."""

    @abstractmethod
    def outcome(self, response):
        """What the person who pressed is told, decrypted and checked."""

    @abstractmethod
    def tell(self, client, people=(), *, department="", at=None, forged=False):
        """Post that people or a department changed."""

    @property
    def path(self):
        return f"/callbacks/{self.provider}"


class FakeWeCom(Office):
    provider, addresses = "wecom", ("WECOM_API", "WECOM_OPEN", "WECOM_LOGIN")

    def handle(self, method, path, query, body, headers, failure):
        path = path.removeprefix("/cgi-bin/")
        if path == "gettoken":
            if (query.get("corpid"), query.get("corpsecret")) != (CORP, SECRET):
                return 200, {"errcode": 40001, "errmsg": "invalid credential"}
            return 200, {"errcode": 0, "errmsg": "ok", "access_token": self.new_token(), "expires_in": 7200}
        if query.get("access_token") not in self.valid:
            return 200, {"errcode": 42001, "errmsg": "access_token expired"}
        if failure:
            code = {"busy": 45009, "final": 60011}[failure]
            return 200, {"errcode": code, "errmsg": "failure on purpose"}
        return 200, {"errcode": 0, "errmsg": "ok", **self._found(method, path, query, body)}

    def _found(self, method, path, query, body):
        if path == "department/list":
            assert method == "GET"
            return {"department": [
                {"id": int(pk), "name": one["name"], "parentid": int(one["parent"] or 0),
                 "department_leader": one["managers"], "order": 1}
                for pk, one in self.departments.items()
            ]}  # fmt: skip
        if path == "user/list":
            pk = query["department_id"]
            assert pk in self.departments
            return {"userlist": [self._row(one) for one in self.people if self.people[one]["department"] == pk]}
        if path == "user/get":
            return self._row(query["userid"]) if query["userid"] in self.people else {"errcode": 60111, "errmsg": "no"}
        if path == "auth/getuserinfo":
            who = self.codes.pop(query["code"], None)
            if who is None:
                return {"errcode": 40029, "errmsg": "invalid code"}
            return {"userid": who} if who in self.people else {"openid": "stranger"}
        if path == "message/send":
            return self._take(body)
        if path == "message/update_template_card":
            assert isinstance(body["agentid"], int)
            assert len(body["userids"]) == 1
            assert body["response_code"], "an update needs its code"
            found = {"to": body["userids"][0], "code": body["response_code"], "outcome": body["button"]["replace_name"]}
            self.closed.append(found)
            return {"invaliduser": []}
        if path == "get_jsapi_ticket":
            return {"ticket": PAGE_TICKETS["page"], "expires_in": 7200}
        if path == "ticket/get":
            assert query["type"] == "agent_config"
            return {"ticket": PAGE_TICKETS["agent"], "expires_in": 7200}
        if path == "externalcontact/get":
            found = self.customers.get(query["external_userid"])
            if found is None:
                return {"errcode": 84061, "errmsg": "not external contact"}
            return {
                "external_contact": {"name": found["name"], "corp_name": found["company"]},
                "follow_user": [{"userid": one, "remark_mobiles": found.get("mobiles", [])} for one in found["of"]],
            }
        raise AssertionError("no such address")

    def _row(self, pk):
        one = self.people[pk]
        return {
            "userid": pk, "name": one["name"], "mobile": one["mobile"], "biz_mail": one["email"], "status": 1,
            "department": [int(one["department"])], "main_department": int(one["department"]),
            "direct_leader": [one["manager"]] if one["manager"] else [],
        }  # fmt: skip

    def _take(self, body):
        assert body["msgtype"] == "template_card"
        assert isinstance(body["agentid"], int)
        card = body["template_card"]
        assert card["card_action"]["type"] == 1
        assert card["card_action"]["url"].startswith("https://")
        assert card["main_title"]["title"]
        buttons = card.get("button_list", [])
        assert card["card_type"] == ("button_interaction" if buttons else "text_notice")
        assert all(button.get("key") or (button.get("type") == 1 and button["url"]) for button in buttons)
        found = {
            "to": body["touser"], "reference": card["task_id"], "title": card["main_title"]["title"],
            "approves": any(button.get("key") == "approve" for button in buttons),
            "text": json.dumps(body, ensure_ascii=False),
        }  # fmt: skip
        if body["touser"] not in self.people:
            return {"errcode": 0, "invaliduser": body["touser"]}
        self.sent.append(found)
        return {"invaliduser": "", "msgid": "1", "response_code": f"code-{card['task_id']}"}

    # --- callbacks ---------------------------------------------------------------------------------------------

    def _post(self, client, message, at, forged):
        stamp, nonce = str(int(at if at is not None else time.time())), "12345"
        ciphertext = envelope.sealed(KEY, CORP, message)
        signed = envelope.signature("another" if forged else TOKEN, stamp, nonce, ciphertext)
        body = f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><Encrypt><![CDATA[{ciphertext}]]></Encrypt></xml>"
        query = f"msg_signature={signed}&timestamp={stamp}&nonce={nonce}"
        return client.post(f"{self.path}?{query}", body, content_type="text/xml")

    def click(self, client, reference, person, *, at=None, forged=False, update_code="click-code"):
        message = (
            f"<xml><ToUserName>{CORP}</ToUserName><FromUserName>{person}</FromUserName><CreateTime>1</CreateTime>"
            f"<MsgType>event</MsgType><Event>template_card_event</Event><EventKey>approve</EventKey>"
            f"<TaskId>{reference}</TaskId><CardType>button_interaction</CardType>"
            f"<ResponseCode>{update_code}</ResponseCode><AgentID>{AGENT}</AgentID></xml>"
        )
        return self._post(client, message, at, forged)

    def outcome(self, response):
        outer = {one.tag: one.text for one in ElementTree.fromstring(response.content)}
        signed = envelope.signature(TOKEN, outer["TimeStamp"], outer["Nonce"], outer["Encrypt"])
        assert signed == outer["MsgSignature"]
        plain = envelope.opened(
            TOKEN, KEY, (CORP,), signed, outer["TimeStamp"], outer["Nonce"], outer["Encrypt"], time.time()
        )
        inner = ElementTree.fromstring(plain)
        assert inner.findtext("MsgType") == "update_button"
        return inner.findtext("Button/ReplaceName")

    def tell(self, client, people=(), *, department="", at=None, forged=False):
        what = f"<ChangeType>update_user</ChangeType><UserID>{next(iter(people), '')}</UserID>"
        if department:
            what = f"<ChangeType>update_party</ChangeType><Id>{department}</Id>"
        message = (
            f"<xml><ToUserName>{CORP}</ToUserName><FromUserName>sys</FromUserName><MsgType>event</MsgType>"
            f"<Event>change_contact</Event>{what}</xml>"
        )
        return self._post(client, message, at, forged)


class FakeDingTalk(Office):
    provider, addresses = "dingtalk", ("DINGTALK_API", "DINGTALK_OAPI", "DINGTALK_LOGIN")

    def handle(self, method, path, query, body, headers, failure):
        if path == "/v1.0/oauth2/accessToken":
            if (body.get("appKey"), body.get("appSecret")) != (CLIENT, SECRET):
                return 400, {"code": "invalidClientIdOrSecret", "message": "no"}
            return 200, {"accessToken": self.new_token(), "expireIn": 7200}
        if path == "/v1.0/oauth2/userAccessToken":
            assert body["grantType"] == "authorization_code"
            assert (body["clientId"], body["clientSecret"]) == (CLIENT, SECRET)
            who = self.codes.pop(body["code"], None)
            if who is None:
                return 400, {"code": "invalidParameter.authCode.notFound", "message": "no such code"}
            return 200, {"accessToken": f"person-{who}", "expireIn": 7200}
        if path == "/v1.0/contact/users/me":
            return 200, {"unionId": f"union-{headers['x-acs-dingtalk-access-token'].removeprefix('person-')}"}
        if path.startswith("/topapi/"):
            assert method == "POST"
            if query.get("access_token") not in self.valid:
                return 200, {"errcode": 88, "sub_code": "40014", "sub_msg": "invalid access_token"}
            if failure:
                code = {"busy": {"errcode": 88, "sub_code": "90018"}, "final": {"errcode": 50002}}[failure]
                return 200, {**code, "errmsg": "failure on purpose"}
            return 200, {"errcode": 0, "errmsg": "ok", **self._old(path.removeprefix("/topapi/"), body)}
        if headers.get("x-acs-dingtalk-access-token") not in self.valid:
            return 401, {"code": "InvalidAuthentication", "message": "no"}
        if failure == "busy":
            return 403, {"code": "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", "message": "failure on purpose"}
        if failure:
            return 403, {"code": "Forbidden.AccessDenied.AccessTokenPermissionDenied", "message": "failure on purpose"}
        return 200, self._new(method, path.removeprefix("/v1.0/"), body)

    def _old(self, path, body):
        if path == "v2/department/get":
            pk = str(body["dept_id"])
            if pk not in self.departments:
                return {"errcode": 60003, "errmsg": "no such department"}
            one = self.departments[pk]
            return {"result": {
                "dept_id": int(pk), "name": one["name"], "parent_id": int(one["parent"] or 0),
                "dept_manager_userid_list": one["managers"],
            }}  # fmt: skip
        if path == "v2/department/listsub":
            return {"result": [
                {"dept_id": int(pk), "name": one["name"], "parent_id": int(one["parent"])}
                for pk, one in self.departments.items() if one["parent"] == str(body["dept_id"])
            ]}  # fmt: skip
        if path == "v2/user/list":
            assert body["size"] <= 100
            found = [pk for pk in self.people if self.people[pk]["department"] == str(body["dept_id"])]
            here = found[body["cursor"] : body["cursor"] + 2]  # pages of two, so that there are several
            more = len(found) > body["cursor"] + 2
            answer = {"has_more": more, "list": [self._row(pk) for pk in here]}
            return {"result": answer | ({"next_cursor": body["cursor"] + 2} if more else {})}
        if path == "v2/user/get":
            if body["userid"] not in self.people:
                return {"errcode": 60121, "errmsg": "no such user"}
            one = self.people[body["userid"]]
            return {
                "result": self._row(body["userid"]) | ({"manager_userid": one["manager"]} if one["manager"] else {})
            }
        if path == "user/getbyunionid":
            who = body["unionid"].removeprefix("union-")
            if who not in self.people:
                return {"errcode": 60121, "errmsg": "no such user"}
            return {"result": {"contact_type": 0, "userid": who}}
        if path == "message/corpconversation/asyncsend_v2":
            card = body["msg"]["action_card"]
            assert body["msg"]["msgtype"] == "action_card"
            assert isinstance(body["agent_id"], int)
            assert all(one["action_url"].startswith("https://") and one["title"] for one in card["btn_json_list"])
            found = {"to": body["userid_list"], "reference": "", "title": card["title"], "approves": False}
            self.sent.append(found | {"text": json.dumps(body, ensure_ascii=False)})
            return {"task_id": 1}
        raise AssertionError("no such address")

    def _row(self, pk):
        one = self.people[pk]
        return {
            "userid": pk, "name": one["name"], "mobile": one["mobile"], "org_email": one["email"],
            "dept_id_list": [int(one["department"])], "active": True,
        }  # fmt: skip

    def _new(self, method, path, body):
        if path == "card/instances/createAndDeliver":
            assert method == "POST"
            assert body["callbackType"] == "HTTP"
            assert body["callbackRouteKey"] == f"saleswright-{CLIENT}"
            assert body["cardTemplateId"] == "template.schema"
            values = body["cardData"]["cardParamMap"]
            assert all(isinstance(value, str) for value in values.values())
            to = body["openSpaceId"].removeprefix("dtv1.card//IM_ROBOT.")
            assert body["imRobotOpenDeliverModel"] == {"spaceType": "IM_ROBOT", "robotCode": CLIENT}
            if to not in self.people:
                return {"success": True, "result": {"deliverResults": [{"success": False, "errorMsg": "nobody"}]}}
            found = {"to": to, "reference": body["outTrackId"], "title": values["title"], "approves": True}
            self.sent.append(found | {"text": json.dumps(body, ensure_ascii=False)})
            return {"success": True, "result": {"deliverResults": [{"success": True}]}}
        if path == "card/instances":
            assert method == "PUT"
            assert body["cardUpdateOptions"] == {"updateCardDataByKey": True}
            to = next(one["to"] for one in self.sent if one["reference"] == body["outTrackId"])
            values = body["cardData"]["cardParamMap"]
            self.closed.append({"to": to, "code": "card", "outcome": values["status"]})
            return {"success": True}
        if path == "card/callbacks/register":
            assert body["apiSecret"] == TOKEN
            assert body["callbackUrl"].endswith(self.path)
            return {"success": True}
        if path == "oauth2/jsapiTickets":
            return {"jsapiTicket": PAGE_TICKETS["page"], "expireIn": 7200}
        raise AssertionError("no such address")

    # --- callbacks ---------------------------------------------------------------------------------------------

    def click(self, client, reference, person, *, at=None, forged=False, update_code="click-code"):
        stamp = str(int((at if at is not None else time.time()) * 1000))
        key = b"another" if forged else TOKEN.encode()
        signed = base64.b64encode(hmac.new(key, stamp.encode(), hashlib.sha256).digest()).decode()
        content = {"cardPrivateData": {"actionIds": ["1"], "params": {"action": "approve"}}}
        body = {
            "type": "actionCallback", "outTrackId": reference, "corpId": CORP, "userId": person,
            "content": json.dumps(content),
        }  # fmt: skip
        headers = {"x-ddpaas-signature": signed, "x-ddpaas-signature-timestamp": stamp}
        return client.post(self.path, json.dumps(body), content_type="application/json", headers=headers)

    def outcome(self, response):
        told = response.json()
        assert told["cardUpdateOptions"] == {"updateCardDataByKey": True}
        assert told["cardData"]["cardParamMap"]["open"] == "false"
        return told["cardData"]["cardParamMap"]["status"]

    def tell(self, client, people=(), *, department="", at=None, forged=False):
        event = {"EventType": "user_modify_org", "UserId": list(people)}
        if department:
            event = {"EventType": "org_dept_modify", "DeptId": [int(department)]}
        stamp, nonce = str(int((at if at is not None else time.time()) * 1000)), "12345"
        ciphertext = envelope.sealed(KEY, CLIENT, json.dumps(event))
        signed = envelope.signature("another" if forged else TOKEN, stamp, nonce, ciphertext)
        query = f"signature={signed}&msg_signature={signed}&timestamp={stamp}&nonce={nonce}"
        body = json.dumps({"encrypt": ciphertext})
        return client.post(f"{self.path}?{query}", body, content_type="application/json")


FAKES = {fake.provider: fake for fake in (FakeWeCom, FakeDingTalk)}
