"""Servers on this machine, and settings that lead to them."""

from ipaddress import ip_network

import pytest

from saleswright.integrations.tests.servers import BotServer, MailServer


@pytest.fixture
def mail_server(settings):
    """A mail server that takes what it is sent."""
    made = MailServer()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", made.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.DEFAULT_FROM_EMAIL, settings.MAIL_REPLY_TO = "sales@example.com", "help@example.com"
    settings.SITE_URL = "https://sales.example.com"
    yield made
    made.close()


@pytest.fixture
def bot_server(settings):
    """The services of group bots."""
    made = BotServer()
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    settings.SITE_URL = "https://sales.example.com"
    yield made
    made.close()
