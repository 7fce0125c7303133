"""Webhooks and their deliveries by page and API."""

import itertools

import pytest

from saleswright.interface.testing import EntityTestCase
from saleswright.kernel import outbox
from saleswright.kernel.models import AuditEntry
from saleswright.modules.integration import signing
from saleswright.modules.integration.models import Webhook, WebhookDelivery

serial = itertools.count(1)
SECRET = "a secret of some length, unguessable"


class TestWebhooks(EntityTestCase):
    """Webhooks."""

    resource = "webhooks"
    change = {"url": "https://hooks.example.com/other"}

    def values(self):
        return {
            "name": f"Webhook {next(serial)}",
            "url": "https://hooks.example.com/in",
            "secret": SECRET,
            "events": ["customers.*", "orders.OrderConfirmed"],
        }

    def test_it_keeps_the_secret_to_itself(self, api, browse):
        client = api()
        record = self.create(client)
        assert record["events"] == ["customers.*", "orders.OrderConfirmed"]
        kept = Webhook.objects.get().secret
        assert signing.opened(kept) == SECRET
        shown = [
            client.get(f"webhooks/{record['id']}").content.decode(),
            client.get(f"webhooks/{record['id']}/history").content.decode(),
            str(list(AuditEntry.objects.filter(resource="webhooks").values_list("changes", flat=True))),
            browse().get(f"/webhooks/{record['id']}").content.decode(),
            browse().get(f"/webhooks/{record['id']}/edit").content.decode(),
        ]
        assert not [text for text in shown if SECRET in text or kept in text]

    def test_it_keeps_the_secret_when_none_is_given(self, api):
        client = api()
        record = self.create(client)
        kept = Webhook.objects.get().secret
        assert client.patch(f"webhooks/{record['id']}", {"name": "Other", "secret": ""}).status_code == 200
        assert Webhook.objects.get().secret == kept

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"url": "http://127.0.0.1/"}, "url"),
            ({"url": "somewhere"}, "url"),
            ({"secret": "short"}, "secret"),
            ({"secret": "密" * 30}, "secret"),
            ({"secret": 5}, "secret"),
            ({"secret": ""}, "secret"),
            ({"secret": "whsec_" + "not base64 at all!!!"}, "secret"),
            ({"events": []}, "events"),
            ({"events": "orders.*"}, "events"),
            ({"events": ["orders.Unheard"]}, "events"),
            ({"events": ["webhook-deliveries.*"]}, "events"),
        ],
    )
    def test_it_refuses_what_can_t_work(self, api, values, field):
        response = api().post("webhooks", self.values() | values)
        assert response.status_code == 422
        assert [error["field"] for error in response.json()["errors"]] == [field]
        assert not Webhook.objects.exists()

    def test_it_is_added_by_its_form(self, browse):
        client = browse()
        assert "orders.OrderConfirmed" in client.get("/webhooks/new").content.decode()
        values = {"name": "ERP", "url": "https://hooks.example.com/", "active": "on", "secret": SECRET}
        assert client.post("/webhooks/new", values | {"events": ["orders.*", "*"]}).status_code == 302
        subscribed = Webhook.objects.get().subscriptions.order_by("pattern")
        assert list(subscribed.values_list("pattern", flat=True)) == ["*", "orders.*"]

    @pytest.mark.parametrize("role", ["sales_director", "sales_operations", "auditor"])
    def test_others_set_up_none(self, api, role):
        assert api(role).post("webhooks", self.values()).status_code == 403
        assert not Webhook.objects.exists()


class TestDeliveries(EntityTestCase):
    """Deliveries: made by events, never by hand."""

    resource = "webhook-deliveries"

    def create(self, client):
        webhook = TestWebhooks.create(TestWebhooks(), client)
        assert client.act("webhooks", webhook["id"], "test").status_code == 200
        outbox.deliver()
        return (
            client.get(f"webhook-deliveries?webhook_id={webhook['id']}").json()["items"][0]
            | client.get(f"webhook-deliveries/{WebhookDelivery.objects.get(webhook_id=webhook['id']).pk}").json()
        )

    def test_it_stays_in_the_log(self, api):
        client = api()
        pk = self.create(client)["id"]
        assert client.act("webhook-deliveries", pk, "archive").status_code == 409
        assert WebhookDelivery.objects.get(pk=pk).archived_at is None
