"""A receiver on this machine, and webhooks that lead to it."""

from ipaddress import ip_network

import pytest

from saleswright.kernel.access.actors import system
from saleswright.kernel.records import save_record
from saleswright.modules.integration.models import Webhook
from saleswright.modules.integration.tests.receiver import Receiver

SECRET = "whsec_" + "c2FsZXN3cmlnaHQtd2ViaG9vay1zZWNyZXQ="


@pytest.fixture
def at_home(settings):
    """Webhooks may reach this machine."""
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]


@pytest.fixture
def receiver(at_home):
    """A program on this machine that takes what it is sent."""
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def webhook(receiver, db):
    """Makes a webhook that leads to the receiver: `webhook("customers.*")`."""

    def make(*events, **values):
        given = {"name": "ERP", "url": receiver.url, "secret": SECRET, "events": list(events), **values}
        return save_record(Webhook, given, actor=system("test"))

    return make
