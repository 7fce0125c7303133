"""The mail server by page and API, what the environment fixes, and what a test message says in words."""

import datetime
import smtplib
import socket
import ssl

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.cache import cache

from saleswright.integrations import mail
from saleswright.integrations.mail_server import actions
from saleswright.integrations.mail_server.access import PURPOSE, access, kept_server
from saleswright.integrations.mail_server.models import MailServer
from saleswright.integrations.mail_server.sending import hand_over, undelivered
from saleswright.integrations.mail_server.shipped import ship
from saleswright.integrations.tests.servers import MailServer as FakeServer
from saleswright.interface.testing import EntityTestCase
from saleswright.kernel import clock
from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.errors import Conflict, NotAllowed, TooMany, ValidationFailed
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.records import save_record
from saleswright.kernel.sealing import seal, unseal
from saleswright.modules.work.public import Undelivered

pytestmark = pytest.mark.django_db
SECRET = "pa ss-w0rt"
FIELDS = {"host": "smtp.example.com", "security": "tls", "login": "crm", "sender_address": "crm@example.com"}


@pytest.fixture(autouse=True)
def _own_settings(settings):
    """No server in the environment, and real connections."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = settings.DEFAULT_FROM_EMAIL = settings.MAIL_REPLY_TO = ""
    settings.EMAIL_TIMEOUT = 5
    cache.clear()  # ids of people come again with each test, and what they did would count


@pytest.fixture
def server():
    return MailServer.objects.get()


@pytest.fixture
def boss(person):
    return person("administrator", email="boss@example.com", language="en")


@pytest.fixture
def fake(server):
    """A server that takes mails, and settings that lead there."""
    made = FakeServer()
    MailServer.objects.update(
        host="127.0.0.1", port=made.port, security="none", sender_address="crm@example.com", reply_to="help@example.com"
    )  # fmt: skip
    yield made
    made.close()


def tried(user, **values):
    """Send the person a test with these values of the server."""
    MailServer.objects.update(**values)
    kept_server.forget()
    return actions.send_test(MailServer.objects.get(), actor=actor_for(user, origin="test"), at=clock.now())


def refusal(user, **values) -> str:
    with pytest.raises(Conflict) as refused:
        tried(user, **values)
    return str(refused.value.detail)


class TestMailServer(EntityTestCase):
    """One from the start, changed only."""

    resource = "mail-server"
    change = {"host": "smtp.example.org"}

    def create(self, client):
        return client.get(f"mail-server/{MailServer.objects.get().pk}").json()

    def test_it_is_neither_made_nor_put_away(self, api):
        client = api()
        pk = self.create(client)["id"]
        assert client.post("mail-server", {}).status_code == 405
        assert client.delete(f"mail-server/{pk}").status_code == 405
        assert client.act("mail-server", pk, "archive").status_code in {404, 409}
        ship()
        assert MailServer.objects.filter(archived_at=None).count() == 1

    def test_it_keeps_the_password_to_itself(self, api, browse):
        client = api()
        pk = self.create(client)["id"]
        assert client.patch(f"mail-server/{pk}", {**FIELDS, "password": SECRET}).status_code == 200
        kept = MailServer.objects.get()
        assert unseal(kept.password, PURPOSE) == SECRET
        shown = [
            client.get(f"mail-server/{pk}").content.decode(),
            client.get(f"mail-server/{pk}/history").content.decode(),
            str(list(AuditEntry.objects.values_list("changes", flat=True))),
            *(browse().get(f"/mail-server/{pk}{part}").content.decode() for part in ("", "/edit", "/in-effect")),
        ]
        for secret in (SECRET, kept.password):
            assert not [text for text in shown if secret in text]
        assert client.patch(f"mail-server/{pk}", {"password": "", "port": 465}).status_code == 200
        assert MailServer.objects.get().password == kept.password

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"host": "https://smtp.example.com"}, "host"), ({"host": "a b"}, "host"), ({"host": "-x.com"}, "host"),
            ({"port": 0}, "port"), ({"port": 70000}, "port"), ({"security": "ssl3"}, "security"),
            ({"sender_address": "me"}, "sender_address"), ({"password": "x"}, "login"),
            ({"login": "a", "password": "x" * 201}, "password"), ({"login": "a", "password": "a\nb"}, "password"),
            ({"login": "a", "password": "wört"}, "password"), ({"login": "销售"}, "login"),
        ],
    )  # fmt: skip
    def test_it_says_what_is_wrong(self, api, values, field):
        client = api()
        answer = client.patch(f"mail-server/{self.create(client)['id']}", values)
        assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, [field])
        assert MailServer.objects.get().version == 1


# --- what is in effect -------------------------------------------------------------------------------------------


def test_a_password_is_not_told_another_server(root, server):
    save_record(MailServer, {**FIELDS, "password": SECRET}, pk=server.pk, actor=root)
    with pytest.raises(ValidationFailed) as refused:
        save_record(MailServer, {"host": "evil.example.com"}, pk=server.pk, actor=root)
    assert [error.field for error in refused.value.errors] == ["password"]
    assert MailServer.objects.get().host == "smtp.example.com"
    save_record(MailServer, {"host": "new.example.com", "password": "n"}, pk=server.pk, actor=root)
    assert access().opened() == "n"


def test_a_sign_in_that_is_taken_out_takes_its_password_along(root, server):
    save_record(MailServer, {**FIELDS, "password": SECRET}, pk=server.pk, actor=root)
    save_record(MailServer, {"login": ""}, pk=server.pk, actor=root)
    assert MailServer.objects.get().password == ""


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_port_follows_the_encryption(root, server, security, port):
    save_record(MailServer, {**FIELDS, "security": security}, pk=server.pk, actor=root)
    assert (access().host, access().port, access().ready) == ("smtp.example.com", port, True)
    assert mail.ready()


def test_the_environment_wins_as_a_whole(root, server, settings):
    save_record(MailServer, {**FIELDS, "password": SECRET, "reply_to": "a@example.com"}, pk=server.pk, actor=root)
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_HOST_USER = "env.example.com", 2525, "envuser"
    settings.EMAIL_HOST_PASSWORD, settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = "envpass", True, False
    by = access()
    assert (by.host, by.port, by.security, by.login, by.opened()) == (
        "env.example.com", 2525, "starttls", "envuser", "envpass",
    )  # fmt: skip
    assert (by.sender_address, by.reply_to) == ("crm@example.com", "a@example.com")
    settings.DEFAULT_FROM_EMAIL, settings.MAIL_REPLY_TO = "Env <env@example.com>", "b@example.com"
    by = access()
    assert (by.sender_name, by.sender_address, by.reply_to) == ("Env", "env@example.com", "b@example.com")
    for values, field in (({"host": "x.com"}, "host"), ({"password": "x"}, "password"),
                          ({"sender_name": "X"}, "sender_name"), ({"reply_to": "x@x.com"}, "reply_to")):  # fmt: skip
        with pytest.raises(ValidationFailed) as refused:
            save_record(MailServer, values, pk=server.pk, actor=root)
        assert [(error.field, error.code) for error in refused.value.errors] == [(field, "fixed")]
    assert MailServer.objects.get().version == 2


def test_the_page_shows_what_is_fixed(browse, server, settings):
    settings.EMAIL_HOST, settings.EMAIL_PORT = "env.example.com", 2525
    page = browse("administrator", language="en").get(f"/mail-server/{server.pk}/in-effect").content.decode()
    assert "env.example.com:2525" in page
    assert "Fixed by MAIL_HOST" in page
    assert "Fixed by MAIL_FROM" not in page
    assert "No mails go out" in page


def test_notices_go_out_by_it(fake, server):
    MailServer.objects.update(sender_name="销售系统")
    kept_server.forget()
    hand_over(actions.test_letter("li@example.com"), access())
    ((receivers, letter),) = fake.got
    assert (receivers, letter["Reply-To"]) == (["li@example.com"], "help@example.com")
    assert letter["From"].addresses[0].display_name == "销售系统"
    assert letter["From"].addresses[0].addr_spec == "crm@example.com"
    assert letter["Message-ID"].endswith("@example.com>")


# --- trying out --------------------------------------------------------------------------------------------------


def test_it_sends_me_a_test(fake, boss, browse):
    server = MailServer.objects.get()
    client = browse(boss)
    assert client.post(f"/mail-server/{server.pk}/test").status_code == 302
    page = client.get(f"/mail-server/{server.pk}").content.decode()
    assert "The server took the test message to boss@example.com." in page
    ((receivers, letter),) = fake.got
    assert (receivers, letter["Subject"]) == (["boss@example.com"], "[Saleswright] Test message")
    entry = AuditEntry.objects.get(resource="mail-server", action="test")
    assert (entry.actor_id, entry.changes) == (boss.pk, {"sent": [None, True]})


def test_programs_send_a_test(fake, boss, api, server):
    client = api(boss)
    assert client.post(f"mail-server/{server.pk}/test", {}).json() == {"sent_to": "boss@example.com"}
    assert client.post(f"mail-server/{server.pk}/test", {"to": "all@example.com"}).status_code == 422
    fake.answers = ["554 no spam"]
    refused = client.post(f"mail-server/{server.pk}/test", {})
    assert (refused.status_code, "554" in refused.json()["detail"]) == (409, True)
    assert len(fake.got) == 1


def test_only_administrators_see_and_try_it(fake, person, browse, server):
    other = person("sales_director", email="o@example.com")
    with pytest.raises(NotAllowed):
        actions.send_test(server, actor=actor_for(other, origin="test"), at=clock.now())
    client = browse(other)
    for path in ("", "/edit", "/in-effect"):
        assert client.get(f"/mail-server/{server.pk}{path}").status_code in (403, 404)
    assert client.post(f"/mail-server/{server.pk}/test").status_code in (403, 404)
    assert fake.got == []


def test_it_needs_an_address_a_server_and_a_sender(fake, boss, person):
    assert refusal(person("administrator")).startswith("You have no e-mail address")
    assert refusal(boss, sender_address="") == "Give a mail server and the address of the sender first."
    assert fake.got == []


def test_it_is_tried_a_few_times_a_minute(fake, boss):
    for _time in range(5):
        tried(boss)
    with pytest.raises(TooMany):
        tried(boss)
    assert len(fake.got) == 5


def test_nothing_listens(boss, fake):
    assert refusal(boss, port=1) == "At port 1 of 127.0.0.1 nothing takes mails."
    assert AuditEntry.objects.get(resource="mail-server", action="test").changes == {"sent": [None, False]}


def test_the_server_speaks_no_tls(boss, fake):
    told = f"No TLS connection comes about with 127.0.0.1 at port {fake.port}"
    assert refusal(boss, security="tls").startswith(told)
    assert refusal(boss, security="starttls") == f"127.0.0.1 does not offer STARTTLS at port {fake.port}."


def test_the_server_is_silent(boss, fake, settings):
    settings.EMAIL_TIMEOUT = 0.05
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert refusal(boss, port=port).startswith(f"127.0.0.1 does not answer at port {port} in time")


def test_the_server_hangs_up(boss, fake):
    from threading import Thread

    with socket.create_server(("127.0.0.1", 0)) as rude:
        port = rude.getsockname()[1]
        thread = Thread(target=lambda: rude.accept()[0].close())
        thread.start()
        assert refusal(boss, port=port).startswith(f"127.0.0.1 breaks the connection off at port {port}")
        thread.join()


def served(**options):
    """A controller of another server, on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    class Handler:
        async def handle_DATA(self, server, session, envelope):
            return "250 OK"

    made = Controller(Handler(), hostname="127.0.0.1", port=port, server_hostname="test", **options)
    made.start()
    return made


def test_the_sign_in_is_refused(boss, fake):
    def judge(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == (b"crm", SECRET.encode()), handled=False)

    other = served(authenticator=judge, auth_require_tls=False)
    try:
        wrong = {"port": other.port, "login": "crm", "password": seal("wrong", PURPOSE)}
        assert refusal(boss, **wrong) == "The mail server refuses our sign-in."
        assert tried(boss, password=seal(SECRET, PURPOSE)) == "boss@example.com"
    finally:
        other.stop()


def test_a_sign_in_where_there_is_none(boss, fake):
    values = {"login": "crm", "password": seal("x", PURPOSE)}
    assert refusal(boss, **values).startswith("The mail server takes no sign-in this way")


def test_the_certificate_is_not_trusted(boss, fake, tmp_path):
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    today = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(today).not_valid_after(today + datetime.timedelta(1))
    certificate = made.sign(key, hashes.SHA256())
    encoding = serialization.Encoding.PEM
    secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "both.pem").write_bytes(secret + certificate.public_bytes(encoding))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    other = served(tls_context=context)
    try:
        told = refusal(boss, port=other.port, security="starttls")
        assert told.startswith("The certificate of 127.0.0.1 is not trusted: ")
    finally:
        other.stop()


def test_another_secret_key_asks_for_the_password_anew(boss, fake):
    assert refusal(boss, login="crm", password="not sealed").startswith("The kept password can't be read")


@pytest.mark.parametrize(
    ("error", "told", "temporary"),
    [(socket.gaierror(-2, "x"), "There is no server of the name smtp.example.com.", True),
     (OSError("no route"), "The mail server can't be reached: no route", True),
     (ValueError("bad header"), "This can't be sent as a mail: bad header", False),
     (smtplib.SMTPSenderRefused(553, b"not yours", "a"), "The mail server answered 553: not yours", False)],
)  # fmt: skip
def test_it_says_why(root, server, error, told, temporary):
    save_record(MailServer, FIELDS, pk=server.pk, actor=root)
    found = undelivered(error, access())
    assert isinstance(found, Undelivered)
    assert (found.reason, found.temporary) == (told, temporary)


def test_a_server_that_is_not_there_is_not_found(boss, browse):
    assert browse(boss).post("/mail-server/1000000/test").status_code == 404
