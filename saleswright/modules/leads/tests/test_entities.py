"""The standard tests of leads and their sources."""

import itertools

from saleswright.interface.testing import EntityTestCase
from saleswright.modules.leads.models import ScoreSetup, ScoreVersion

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


class TestScoreRules(EntityTestCase):
    resource = "score-rules"
    change = {"points": 7}

    def values(self):
        conditions = {"field": "phone", "op": "empty", "value": "false"}
        return {"label": f"Rule {next(_serial)}", "part": "fit", "points": 5, "conditions": conditions}


class TestScoreSetup(EntityTestCase):
    resource = "score-setup"
    change = {"every_days": 14}

    def create(self, client):
        return client.get("score-setup").json()["items"][0]


class TestScoreVersions(EntityTestCase):
    resource = "score-versions"

    def values(self):
        ScoreSetup.objects.update(fewest_outcomes=0)
        ScoreVersion.objects.filter(status="training").update(status="failed")  # one is learned at a time
        return {"note": f"after the fair {next(_serial)}"}
