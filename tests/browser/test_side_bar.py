"""The side bar beside a chat of WeCom and DingTalk, as narrow as they show it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from playwright.sync_api import expect

from tests.browser.desk import Desk
from tests.browser.served import Installation

Seat = Callable[..., Desk]
SWITCH = "UPDATE workplace_connection SET active = ? WHERE provider = 'dingtalk'"
LINK = """
INSERT INTO workplace_externalcontact (provider, external_id, contact_id, linked_at, linked_by_id)
SELECT 'dingtalk', 'chat-1', contact.id, contact.created_at, person.id
FROM customers_contact contact JOIN customers_customer customer ON customer.id = contact.customer_id
JOIN kernel_user person ON person.id = customer.owner_id WHERE person.username = 'wangfang' LIMIT 1
"""


@pytest.fixture
def _linked(installation: Installation) -> Iterator[None]:
    """The program is switched on, and somebody chats with a contact of Wang Fang's."""
    with closing(sqlite3.connect(installation.database, timeout=10)) as store:
        with store:
            assert store.execute(SWITCH, (1,)).rowcount == 1
            assert store.execute(LINK).rowcount == 1
        yield
        with store:
            store.execute(SWITCH, (0,))


@pytest.mark.usefixtures("_linked")
def test_the_side_bar_shows_with_whom_one_chats_and_takes_a_task(desk: Seat) -> None:
    seller = desk("wangfang", phone=True)
    page = seller.open("/side-bar/dingtalk?chat=chat-1")
    expect(page.locator("#who")).to_be_in_viewport()
    page.fill("[name=title]", "寄样品")
    page.locator(".side-due .btn").first.click()
    expect(page.locator(".alert-box.tone-green")).to_be_in_viewport()
    assert seller.complaints == []
