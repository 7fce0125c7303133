"""Every operation keeps its promises whatever is sent: no fault, only documented answers in their documented form."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from saleswright.interface.api.openapi import document
from saleswright.interface.entity import entity_named
from saleswright.interface.tests import samples
from saleswright.kernel.custom_fields import as_shipped

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = {GenerationMode.POSITIVE: 4, GenerationMode.NEGATIVE: 3}


@functools.cache
def schema():
    as_shipped()
    loaded = schemathesis.openapi.from_dict(document())
    loaded.app = get_wsgi_application()
    return loaded


@contextmanager
def connection_kept() -> Iterator[None]:
    """As Django's own test client does: the test's connection outlives the request."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    try:
        yield
    finally:
        request_started.connect(close_old_connections)
        request_finished.connect(close_old_connections)


def operations(tag: str) -> list:
    """The operations of one resource."""
    found = (result.ok() for result in schema().include(tag=tag).get_all_operations())
    return list(found)


def probe(operation, mode: GenerationMode, headers: dict[str, str], pk: int | None) -> None:
    """Send some generated requests, each to the same database, and check the answers."""

    @settings(
        max_examples=EXAMPLES[mode], derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case) -> None:
        if pk is not None and "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = pk
        with transaction.atomic(), connection_kept():
            response = case.call(headers=headers)
            transaction.set_rollback(True)
        case.validate_response(response, checks=CHECKS)

    run()


@pytest.mark.parametrize("name", [*samples.names(), "reports"])
def test_it_keeps_its_promises(name, api):
    client = api()
    record = samples.sample(entity_named(name), client) if name != "reports" else None
    for operation in operations(name):
        for mode in EXAMPLES:
            probe(operation, mode, client.headers | {"Accept-Encoding": "identity"}, record["id"] if record else None)
