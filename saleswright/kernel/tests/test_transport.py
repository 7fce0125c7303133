"""Where requests go and where not, and what they cost at most."""

import ipaddress
import socket
import ssl
import subprocess
import threading

import pytest

from saleswright.kernel import transport
from saleswright.kernel.transport import Refused, check, post, read_url


def answers(monkeypatch, *addresses):
    """Have every name resolve to these addresses; returns the names that were asked for."""
    asked, real = [], socket.getaddrinfo

    def getaddrinfo(host, port, *args, **kwargs):
        if host[0].isdigit():
            return real(host, port, *args, **kwargs)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.fixture
def unreached(monkeypatch):
    """No connection is made."""

    def connect(*args, **kwargs):
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket, "create_connection", connect)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::7f00:1", "64:ff9b::a00:1", "64:ff9b::7f00:1", "2002:7f00:1::",
        "2001:db8::1", "2001:0:4136:e378:8000:63bf:80ff:fffe",
    ],
)  # fmt: skip
def test_it_refuses_addresses_that_lie_within(address):
    with pytest.raises(Refused):
        check(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_it_takes_public_addresses(address):
    check(ipaddress.ip_address(address))


def test_it_takes_what_the_operator_allows(settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = [ipaddress.ip_network("10.1.0.0/16")]
    check(ipaddress.ip_address("10.1.2.3"))
    check(ipaddress.ip_address("::ffff:10.1.2.3"))
    with pytest.raises(Refused):
        check(ipaddress.ip_address("10.2.2.3"))


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "ftp://example.com/", "file:///etc/passwd", "https://", "https://user@example.com/",
        "https://user:word@example.com/", "https://example.com/#part", "https://example.com:0/",
        "https://example.com:99999/", "https://例子.cn/", "https://example.com/a b", "https://exa\nmple.com/",
        "https://[::1/", "http://127.0.0.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/",
        "http://127.1/", "http://[::1]:8000/", "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest",
    ],
)  # fmt: skip
def test_it_refuses_addresses_that_can_t_be_called(url):
    with pytest.raises(Refused):
        read_url(url)


def test_it_takes_an_address_with_port_path_and_query():
    parts = read_url("https://hooks.example.com:8443/in/1?a=b")
    assert (parts.hostname, parts.port, parts.path, parts.query) == ("hooks.example.com", 8443, "/in/1", "a=b")


def test_it_refuses_a_name_that_leads_within(monkeypatch, unreached):
    answers(monkeypatch, "10.0.0.5")
    outcome = post("https://intranet.example.com/", b"{}", {})
    assert (outcome.good, outcome.status) == (False, None)
    assert outcome.problem == "10.0.0.5 is not an address of the public internet."


def test_one_bad_address_among_good_ones_is_enough(monkeypatch, unreached):
    answers(monkeypatch, "1.1.1.1", "127.0.0.1")
    assert "127.0.0.1" in post("https://mixed.example.com/", b"{}", {}).problem


def test_it_says_that_a_name_is_unknown(monkeypatch):
    def getaddrinfo(*args, **kwargs):
        raise socket.gaierror("no")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert post("https://nowhere.example.com/", b"{}", {}).problem == "The host “nowhere.example.com” is not known."


def test_it_resolves_once_and_speaks_the_name_to_the_checked_address(monkeypatch, receiver):
    real = socket.create_connection
    connected = []

    def connect(address, **kwargs):
        connected.append(address[0])
        return real(("127.0.0.1", receiver.port), **kwargs)

    asked = answers(monkeypatch, "1.1.1.1")
    monkeypatch.setattr(transport.socket, "create_connection", connect)
    outcome = post(f"http://hooks.example.com:{receiver.port}/in?a=1", b'{"a":1}', {"X-Test": "yes"})
    assert outcome.good
    assert (connected, asked) == (["1.1.1.1"], ["hooks.example.com"])
    headers, body = receiver.got[0]
    assert headers["Host"] == f"hooks.example.com:{receiver.port}"
    assert (headers["X-Test"], body) == ("yes", b'{"a":1}')


def test_it_tries_the_next_address_when_one_does_not_take_it(monkeypatch, receiver):
    real, connected = socket.create_connection, []

    def connect(address, **kwargs):
        connected.append(address[0])
        if address[0] == "1.1.1.1":
            raise ConnectionRefusedError("refused")
        return real(("127.0.0.1", receiver.port), **kwargs)

    answers(monkeypatch, "1.1.1.1", "8.8.8.8")
    monkeypatch.setattr(transport.socket, "create_connection", connect)
    assert post(f"http://hooks.example.com:{receiver.port}/", b"", {}).good
    assert connected == ["1.1.1.1", "8.8.8.8"]


def test_it_does_not_follow_redirects(receiver):
    receiver.answers, receiver.headers = [302], {"Location": receiver.url}
    outcome = post(receiver.url, b"{}", {})
    assert (outcome.status, outcome.good, len(receiver.got)) == (302, False, 1)


def test_it_reads_the_beginning_of_an_answer_only(receiver):
    receiver.body = b"a\x00" + b"x" * 1_000_000
    assert post(receiver.url, b"{}", {}).answer == "a" + "x" * (transport.ANSWER - 2)


def test_it_says_why_nobody_answered(at_home):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        outcome = post(f"http://127.0.0.1:{free.getsockname()[1]}/", b"{}", {})
    assert outcome.status is None
    assert outcome.problem.startswith("No answer: ")


def test_it_cuts_off_an_answer_that_drips(monkeypatch, at_home):
    monkeypatch.setattr(transport, "TIME", 0.3)
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            connection, _address = server.accept()
            with connection:
                while not over.wait(0.02):
                    try:
                        connection.sendall(b"H")
                    except OSError:
                        return

        dripping = threading.Thread(target=drip)
        dripping.start()
        outcome = post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {})
        over.set()
        dripping.join()
    assert (outcome.status, outcome.problem) == (None, "No answer in time.")


def test_it_checks_the_certificate_for_the_name(monkeypatch, tmp_path, at_home):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "1",
         "-subj", "/CN=hooks.example.com", "-addext", "subjectAltName=DNS:hooks.example.com"],
        check=True, capture_output=True,
    )  # fmt: skip
    context, names = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    real = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda: real(cafile=str(certificate)))
    answers(monkeypatch, "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            for _time in range(2):
                connection, _address = server.accept()
                try:
                    with context.wrap_socket(connection, server_side=True) as secure:
                        request = b""
                        while not request.endswith(b"{}"):
                            request += secure.recv(1000)
                        secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                except OSError:
                    connection.close()

        serving = threading.Thread(target=serve)
        serving.start()
        port = server.getsockname()[1]
        right = post(f"https://hooks.example.com:{port}/", b"{}", {})
        wrong = post(f"https://other.example.com:{port}/", b"{}", {})
        serving.join()
    assert (right.problem, right.status, right.answer) == ("", 200, "ok")
    assert wrong.status is None
    assert "certificate" in wrong.problem
    assert names == ["hooks.example.com", "other.example.com"]
