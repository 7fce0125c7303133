"""A receiver on this machine, and webhooks that lead to it."""

import pytest

from saleswright.kernel.access.actors import system
from saleswright.kernel.records import save_record
from saleswright.kernel.tests.receiver import at_home, receiver  # noqa: F401  fixtures
from saleswright.modules.integration.models import Webhook

SECRET = "whsec_" + "c2FsZXN3cmlnaHQtd2ViaG9vay1zZWNyZXQ="


@pytest.fixture
def webhook(receiver, db):  # noqa: F811
    """Makes a webhook that leads to the receiver: `webhook("customers.*")`."""

    def make(*events, **values):
        given = {"name": "ERP", "url": receiver.url, "secret": SECRET, "events": list(events), **values}
        return save_record(Webhook, given, actor=system("test"))

    return make
