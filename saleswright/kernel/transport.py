"""Sends one request to an address that somebody typed in, without being led astray.

The name is resolved once, every address it has is checked, and the connection goes to a checked address, so that a
name which resolves otherwise a moment later (DNS rebinding) gains nothing. Redirects are answers like others, the
time of the whole exchange and the size of the answer are limited, and no proxy of the environment is used.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.errors import Text
from saleswright.kernel.words import Words, said

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
TIME = 10.0  # seconds for the whole exchange
ANSWER = 2000  # bytes of an answer that are read
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Refused(Exception):
    """The request is not sent there, in words."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: a status and the beginning of the answer, or a problem. `duration` in ms.

    `why` says the problem in any language.
    """

    duration: int
    status: int | None = None
    answer: str = ""
    problem: str = ""
    why: Words | Text = ""

    @property
    def good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def read_url(url: str, *, checked: bool = True) -> SplitResult:
    """The parts of an address that may be called. Raises Refused when it is none, or names a private place."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused(_("This is not an address.")) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or not url.isascii():
        raise Refused(_("Give an address that begins with https:// or http://."))
    if any(character <= " " or character == "\x7f" for character in url):
        raise Refused(_("This is not an address."))
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Refused(_("Leave out the user name, the password and what follows “#”."))
    if checked and (literal := _literal(parts.hostname)) is not None:
        check(literal)
    return parts


def _literal(host: str) -> Address | None:
    """The IP address that the host is, also in the forms that resolvers take: `2130706433`, `0x7f.1`."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def check(address: Address) -> None:
    """Refuse what lies within: private, loopback, link-local, shared, reserved and multicast addresses.

    IPv6 addresses that carry one of IPv4 are judged by that. Networks of `WEBHOOK_ALLOWED_NETWORKS` are exempt.
    """
    real = _carried(address)
    if any(real in network for network in settings.WEBHOOK_ALLOWED_NETWORKS):
        return
    if not real.is_global or real.is_multicast or real.is_reserved:
        raise Refused(_("%(address)s is not an address of the public internet.") % {"address": address})


def _carried(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour or address
    if address.teredo:
        return address.teredo[1]
    if address in NAT64 or (int(address) >> 32 == 0 and int(address) > 1):  # ::a.b.c.d, but not :: and ::1
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def resolve(host: str, port: int, *, checked: bool = True) -> list[str]:
    """The addresses of a host, all of them checked. Raises Refused; one bad address among good ones is enough."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Refused(_("The host “%(host)s” is not known.") % {"host": host}) from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses if checked else ():
        check(ipaddress.ip_address(address))
    return addresses


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
    """POST a body. Whatever happens is in the outcome; it takes hardly longer than `TIME`."""
    return send("POST", url, body, headers)


def send(
    method: str, url: str, body: bytes, headers: Mapping[str, str], *, most: int = ANSWER, checked: bool = True
) -> Outcome:
    """Send a request and read `most` bytes of the answer; what happens is in the outcome, within about `TIME`.

    `checked=False` is for addresses that the operator has set, not somebody on a page: they may lie within.
    """
    began = time.monotonic()
    try:
        parts = read_url(url, checked=checked)
        host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
        addresses = resolve(host, port, checked=checked)
        status, answer = _exchange(method, parts, host, port, addresses, body, headers, most)
    except Refused as refused:
        return Outcome(_since(began), problem=str(refused))
    except (OSError, http.client.HTTPException, ValueError) as error:
        late = time.monotonic() - began >= TIME
        why: Words | Text = gettext_lazy("No answer in time.") if late else _no_answer(error)
        return Outcome(_since(began), problem=str(why), why=why)
    return Outcome(_since(began), status, answer)


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _no_answer(error: Exception) -> Words:
    return said(gettext_lazy("No answer: %(reason)s"), reason=str(error)[:300] or type(error).__name__)


def _exchange(
    method: str,
    parts: SplitResult,
    host: str,
    port: int,
    addresses: list[str],
    body: bytes,
    headers: Mapping[str, str],
    most: int,
) -> tuple[int, str]:
    secure = ssl.create_default_context() if parts.scheme == "https" else None
    plain = _connect(addresses, port)
    with _deadline(plain):
        # a connection that is given its socket: the name is only spoken (Host, SNI, certificate), never resolved again
        connection = http.client.HTTPConnection(host, port, timeout=TIME)
        connection.default_port = 443 if secure else 80
        connection.sock = secure.wrap_socket(plain, server_hostname=host) if secure else plain
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return response.status, response.read(most).decode(errors="replace").replace("\x00", "")
        finally:
            connection.close()


def _connect(addresses: list[str], port: int) -> socket.socket:
    """A connection to the first address that takes one."""
    until, last = time.monotonic() + TIME, OSError()
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout=max(0.1, until - time.monotonic()))
        except OSError as error:
            last = error
    raise last


class _deadline:
    """Within it, the socket is cut off when the time is over: time-outs of single reads don't stop a slow drip."""

    def __init__(self, plain: socket.socket) -> None:
        self._plain = plain.dup()  # TLS takes the other one over
        self._timer = threading.Timer(TIME, self._cut)
        self._timer.daemon = True

    def _cut(self) -> None:
        with suppress(OSError):
            self._plain.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()
        self._plain.close()
