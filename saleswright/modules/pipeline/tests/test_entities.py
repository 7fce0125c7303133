"""The standard tests of pipelines, opportunities and activities."""

import itertools

from saleswright.interface.testing import EntityTestCase
from saleswright.modules.pipeline.models import Pipeline, Stage
from saleswright.modules.pipeline.tests.factories import make_customer, make_opportunity, make_product

_serial = itertools.count(1)


class TestPipelines(EntityTestCase):
    resource = "pipelines"
    change = {"title": "Tenders"}

    def values(self):
        number = next(_serial)
        return {"name": f"line-{number}", "title": f"Line {number}", "sequence": 90}


class TestStages(EntityTestCase):
    resource = "stages"
    change = {"probability": 25, "exit_requires": ["customer", "amount"]}

    def values(self):
        number = 1000 + next(_serial)
        pipeline = Pipeline.objects.get(name="default")
        return {"pipeline_id": pipeline.pk, "name": f"stage-{number}", "title": "Trial", "sequence": number}


class TestStageCriteria(EntityTestCase):
    resource = "stage-criteria"
    change = {"title": "The plant was seen"}

    def values(self):
        stage = Stage.objects.get(pipeline__name="default", name="new")
        return {"stage_id": stage.pk, "kind": "activity", "activity_kind": "visit", "count": 2}


class TestLossReasons(EntityTestCase):
    resource = "loss-reasons"
    change = {"name": "Delivered too late"}

    def values(self):
        number = next(_serial)
        return {"code": f"reason-{number}", "name": f"Reason {number}"}


class TestOpportunities(EntityTestCase):
    resource = "opportunities"
    change = {"next_step": "send the drawings"}

    def values(self):
        return {
            "name": f"Pumps {next(_serial)}",
            "customer_id": make_customer().pk,
            "lines": [{"product_id": make_product().pk, "quantity": "3", "unit_price": "99.5"}],
        }


class TestActivities(EntityTestCase):
    resource = "activities"
    change = {"purpose": "see the plant"}

    def values(self):
        return {
            "kind": "visit",
            "subject": f"Visit {next(_serial)}",
            "customer_id": make_customer().pk,
            "planned_at": "2026-12-01T09:00:00+08:00",
        }


class TestSolutions(EntityTestCase):
    resource = "solutions"
    change = {"summary": "two robots and a conveyor"}

    def values(self):
        return {
            "opportunity_id": make_opportunity().pk,
            "title": f"Plan {next(_serial)}",
            "lines": [{"need": "quiet", "answer": "62 dB", "product_id": make_product().pk, "quantity": "2"}],
        }
