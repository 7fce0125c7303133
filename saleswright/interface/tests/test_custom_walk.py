"""Every kind of record takes custom fields: they are written, read, listed, filtered, shown and exported."""

import pytest
from django.db import connection

from saleswright.interface.entity import entity_named
from saleswright.interface.tests import samples
from saleswright.kernel.access.actors import system
from saleswright.kernel.custom_fields import fields_of
from saleswright.kernel.custom_indexes import index_now
from saleswright.kernel.models import CustomField, Record
from saleswright.kernel.records import save_record

pytestmark = pytest.mark.django_db
EXTENSIBLE = [
    name for name in samples.names() if issubclass(entity_named(name).model, Record) and name != "custom-fields"
]
#: the designer of approvals, the inbox and files: there the fields are in the API alone
PAGES_OF_THEIR_OWN = {"approval-flows", "approvals", "attachments"}


@pytest.mark.parametrize("name", EXTENSIBLE)
def test_a_kind_of_record_takes_a_field_of_the_company(name, api, browse):
    entity, client, root = entity_named(name), api(), system("test")
    record = samples.sample(entity, client)
    pk = record["id"]
    save_record(
        CustomField, {"resource": name, "code": "extra_amount", "kind": "money", "label_zh": "附加金额"}, actor=root
    )
    save_record(CustomField, {"resource": name, "code": "extra_note", "kind": "text", "label_zh": "附注"}, actor=root)
    if connection.vendor == "postgresql":  # rows of this transaction have checks to come
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    index_now(fields_of(name)[0])
    assert client.get(f"{name}/{pk}").json()["custom"] == {"extra_amount": None, "extra_note": None}
    sent = {"custom": {"extra_amount": "12.5", "extra_note": "seen"}}
    answer = client.patch(f"{name}/{pk}", sent)
    if answer.status_code == 200:
        assert answer.json()["custom"] == {"extra_amount": "12.50", "extra_note": "seen"}
    else:  # kinds that nobody changes by hand, or not in this state
        assert answer.status_code in {405, 409, 422}, answer.content
        entity.model.objects.filter(pk=pk).update(custom={"extra_amount": 1250, "extra_note": "seen"})
    path = f"{name}?custom.extra_amount__gte=12&ordering=custom.extra_amount&fields=custom"
    wanted = {"id": pk, "custom": {"extra_amount": "12.50", "extra_note": "seen"}}
    assert client.get(path).json()["items"] == [wanted]
    assert client.get(f"{name}?custom.extra_note=other").json()["items"] == []
    pages = browse()
    if name not in PAGES_OF_THEIR_OWN and pages.get(entity.url(pk)).status_code == 200:
        assert "12.50" in pages.get(entity.url(pk)).content.decode()
        listed = pages.get(f"{entity.url()}?columns=custom.extra_amount,custom.extra_note&custom.extra_note=seen")
        assert "12.50" in listed.content.decode()
        out = pages.get(f"{entity.url()}/export?format=csv&columns=custom.extra_amount&custom.extra_note=seen")
        assert "12.50" in b"".join(out).decode("utf-8-sig")


@pytest.mark.parametrize("name", EXTENSIBLE)
def test_a_new_record_of_every_kind_gets_the_default(name, api):
    given = {"resource": name, "code": "extra", "kind": "text", "label_zh": "附加", "default": "fresh"}
    save_record(CustomField, given, actor=system("test"))
    entity, client = entity_named(name), api()
    known = set(entity.model.objects.values_list("pk", flat=True))
    pk = samples.sample(entity, client)["id"]
    made_by_hand = entity.creatable and pk not in known
    held = client.get(f"{name}/{pk}").json()["custom"]["extra"]
    assert held in ({"fresh"} if made_by_hand else {"fresh", None})
