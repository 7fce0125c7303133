"""Two people at the same moment, on PostgreSQL: one version is learned, one is in use."""

import base64

import pytest

from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.records import save_record
from saleswright.kernel.tests.threads import at_once, needs_row_locks
from saleswright.modules.leads.models import ScoreContent, ScoreSetup, ScoreVersion
from saleswright.modules.leads.scoring import training

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
ROOT = system("test")


@pytest.fixture(autouse=True)
def _on_postgres():
    needs_row_locks()


def test_one_of_three_requests_to_learn_is_taken():
    ScoreSetup.objects.update(fewest_outcomes=0)
    results = at_once([lambda: save_record(ScoreVersion, {}, actor=ROOT)] * 3)
    assert [type(one) for one in results if isinstance(one, Exception)] == [ValidationFailed] * 2
    assert [(one.number, one.status) for one in ScoreVersion.objects.all()] == [(1, "training")]


def test_of_two_versions_put_into_use_the_later_one_is_used():
    import numpy as np

    from saleswright.kernel.learning.features import Encoder
    from saleswright.kernel.learning.model import Calibration, Model, packed
    from saleswright.kernel.learning.parts import Line

    model = Model(Encoder((), []), [Line(np.zeros(0), 0.0, np.zeros(0))], [1.0], Calibration(), "line")
    content, digest, seal = packed(model)
    at, versions = clock.now(), []
    for number in (1, 2):
        one = ScoreVersion.objects.create(number=number, status="ready", created_at=at, updated_at=at)
        text = base64.b64encode(content).decode()
        ScoreContent.objects.create(version=one, content=text, sha256=digest, seal=seal)
        versions.append(one.pk)
    results = at_once([lambda pk=pk: training.use_version(pk, actor=ROOT) for pk in versions])
    assert [one for one in results if isinstance(one, Exception)] == []
    assert sorted(ScoreVersion.objects.values_list("status", flat=True)) == ["in_use", "retired"]
