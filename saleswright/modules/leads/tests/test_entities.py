"""The standard tests of leads and their sources."""

import itertools

from saleswright.interface.testing import EntityTestCase

_serial = itertools.count(1)


class TestLeads(EntityTestCase):
    resource = "leads"
    change = {"need": "forty pumps a year"}

    def values(self):
        return {"company": f"Quay {next(_serial)} Ltd", "contact_name": "Han Mei", "email": "han@example.com"}


class TestLeadSources(EntityTestCase):
    resource = "lead-sources"
    change = {"cost": "5000.00"}

    def values(self):
        number = next(_serial)
        return {"code": f"source-{number}", "name": f"Source {number}", "kind": "paid"}
