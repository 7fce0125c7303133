"""The addresses of jobs and failed events keep what the OpenAPI document promises."""

import pytest

from saleswright.interface.tests.test_schemathesis import EXAMPLES, operations, probe
from saleswright.kernel.jobs import enqueue

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def test_they_keep_their_promises(api):
    client, made = api(), enqueue("kernel.tidy", period_key="kernel.tidy@2026-11-22")
    found = operations("jobs")
    assert len(found) == 7
    for operation in found:
        for mode in EXAMPLES:
            probe(operation, mode, client.headers | {"Accept-Encoding": "identity"}, made.pk)
