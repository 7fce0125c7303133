"""The interactive description of the API in a real browser, under the content security policy."""

import pytest


@pytest.mark.django_db(transaction=True)
def test_it_shows_every_resource_without_breaking_the_policy(live_server, page):
    complaints = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{live_server.url}/api/v1/docs")
    page.locator("#operations-tag-customers").wait_for()
    page.locator("#operations-tag-customers").click()
    page.locator("#operations-customers-list_customers").click()
    page.get_by_text("created_at__gte").first.wait_for()
    assert complaints == []
