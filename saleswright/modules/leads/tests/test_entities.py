"""The standard tests of leads, their sources, and of how they come in and find their owner."""

import itertools

from saleswright.interface.testing import EntityTestCase
from saleswright.kernel import clock
from saleswright.kernel.models import User
from saleswright.modules.leads.flow import capturing
from saleswright.modules.leads.models import LeadForm, ScoreSetup, ScoreVersion

_serial = itertools.count(1)
CONSENT = "我同意贵公司联系我"


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


class TestAssignmentRules(EntityTestCase):
    resource = "assignment-rules"
    change = {"most_open": 20}

    def values(self):
        number = next(_serial)
        member = self.make(User, username=f"member{number}", name=f"Member {number}")
        return {"name": f"Rule {number}", "members": [{"member_id": member.pk}]}


class TestResponseLimits(EntityTestCase):
    resource = "response-limits"
    change = {"first_minutes": 60}

    def values(self):
        return {"name": f"Limit {next(_serial)}", "first_minutes": 120}


class TestLeadForms(EntityTestCase):
    resource = "lead-forms"
    change = {"title": "留下联系方式"}

    def values(self):
        questions = [{"field": "company"}, {"field": "phone"}]
        return {"name": f"Form {next(_serial)}", "title": "联系我们", "consent_text": CONSENT, "questions": questions}


class TestLeadLinks(EntityTestCase):
    resource = "lead-links"
    change = {"name": "Stand 2"}

    def values(self):
        number = next(_serial)
        form = self.make(
            LeadForm, name=f"Form {number}", title="联系我们", consent_text=CONSENT,
            questions=[{"field": "company"}, {"field": "phone"}],
        )  # fmt: skip
        return {"name": f"Stand {number}", "form_id": form.pk}


class TestLeadCaptures(EntityTestCase):
    resource = "lead-captures"

    def create(self, client):
        number = next(_serial)
        form = self.make(
            LeadForm, name=f"Form {number}", title="联系我们", consent_text=CONSENT,
            questions=[{"field": "company"}, {"field": "phone"}],
        )  # fmt: skip
        at = clock.now()
        ticket = capturing.new_ticket(form, at - 2 * capturing.QUICKEST)
        values = {"company": f"Quay {number} Ltd", "phone": "13800138000"}
        lead = capturing.capture(form, capturing.Sent(values, True, ticket), at=at)
        return client.get(f"lead-captures/{lead.captures.get().pk}").json()
