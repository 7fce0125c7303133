"""A mail server and group bots on this machine, which keep what they are sent and answer as the services do."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller


class MailServer:
    """`got`: (receivers, message) in their order; `answers`: what the next deliveries are answered; `slow`: seconds."""

    def __init__(self):
        self.got, self.answers, self.slow = [], [], 0.0
        self.began = threading.Event()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, server_hostname="test")
        self._controller.start()

    async def handle_DATA(self, server, session, envelope):
        self.began.set()
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("2"):
            self.got.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        if self.slow:
            await asyncio.sleep(self.slow)
        return answer

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def close(self):
        self._controller.stop()


class BotServer:
    """The three services at `/wecom`, `/dingtalk`, `/feishu`: they check form and signature as the real ones do.

    `got`: (service, body, headers, time) of what they took; `refusals`: answers of the next requests.
    """

    SECRET = "SECtest"

    def __init__(self):
        self.got, self.refusals = [], []
        bots = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                parts = urlsplit(self.path)
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service = parts.path.strip("/")
                answer = bots.refusals.pop(0) if bots.refusals else bots.judge(service, parse_qs(parts.query), body)
                if not any(answer.get(name) for name in ("errcode", "code")):
                    bots.got.append((service, body, dict(self.headers), time.monotonic()))
                content = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                """Tests say what matters themselves."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def judge(self, service, query, body):
        """What the service answers, by its documentation."""
        return getattr(self, f"_{service}")(query, body)

    def _wecom(self, query, body):
        if query.get("key") != ["k"]:
            return {"errcode": 93000, "errmsg": "invalid webhook url"}
        fine = body["msgtype"] == "markdown" and len(body["markdown"]["content"].encode()) <= 4096
        return {"errcode": 0, "errmsg": "ok"} if fine else {"errcode": 40058, "errmsg": "content size out of limit"}

    def _dingtalk(self, query, body):
        stamp, given = query.get("timestamp", ["0"])[0], query.get("sign", [""])[0]
        signed = hmac.new(self.SECRET.encode(), f"{stamp}\n{self.SECRET}".encode(), hashlib.sha256).digest()
        if abs(time.time() - int(stamp) / 1000) > 3600 or given != base64.b64encode(signed).decode():
            return {"errcode": 310000, "errmsg": "sign not match"}
        card = body.get(body["msgtype"])
        keys = {"title", "text", "singleTitle", "singleURL"} if body["msgtype"] == "actionCard" else {"title", "text"}
        return {"errcode": 0, "errmsg": "ok"} if set(card) == keys else {"errcode": 400402, "errmsg": "bad body"}

    def _feishu(self, query, body):
        stamp = body.get("timestamp", "0")
        signed = hmac.new(f"{stamp}\n{self.SECRET}".encode(), b"", hashlib.sha256).digest()
        if abs(time.time() - int(stamp)) > 3600 or body.get("sign") != base64.b64encode(signed).decode():
            return {"code": 19021, "msg": "sign match fail or timestamp is not within one hour from current time"}
        fine = body["msg_type"] == "interactive" and body["card"]["elements"][0]["text"]["tag"] == "lark_md"
        return {"code": 0, "msg": "success", "data": {}} if fine else {"code": 9499, "msg": "Bad Request"}

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
