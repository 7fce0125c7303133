"""Research projects: states, what stands fast, conclusions that become tasks, and their questionnaires."""

import itertools
from datetime import date

import pytest

from saleswright.interface.testing import EntityTestCase
from saleswright.kernel.access.actors import system
from saleswright.kernel.records import save_record
from saleswright.modules.market.models import Conclusion, Research, ResearchSurvey
from saleswright.modules.market.tests.test_surveys import make_invitation, make_survey
from saleswright.modules.work.public import Task

pytestmark = pytest.mark.django_db
_serial = itertools.count(1)


def body(**values):
    return {"title": f"Project {next(_serial)}", "question": "Who buys?", "method": "interview"} | values


def make_project(status="planned", conclusions=("Visit them", "Raise prices"), **values):
    given = body(findings="They buy.", **values)
    given = {name: value.pk if hasattr(value, "pk") else value for name, value in given.items()}
    lines = {"conclusions": [{"text": text} for text in conclusions]}
    one = save_record(Research, given, lines=lines, actor=system("test"))
    Research.objects.filter(pk=one.pk).update(status=status)
    one.refresh_from_db()
    return one


class TestResearchProjects(EntityTestCase):
    resource = "research-projects"
    change = {"cost": "1200.00"}

    def values(self):
        return body(conclusions=[{"text": "Visit them"}], surveys=[{"survey_id": make_survey().pk}])


# --- writing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("change", "field"), [
    ({"question": ""}, "question"), ({"method": "oracle"}, "method"), ({"budget": "-1"}, "budget"),
    ({"starts_on": "2026-03-02", "ends_on": "2026-03-01"}, "ends_on"),
    ({"conclusions": [{"text": ""}]}, "conclusions.0.text"),
])  # fmt: skip
def test_it_refuses_what_makes_no_sense(api, change, field):
    response = api().post("research-projects", body(**change))
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert not Research.objects.exists()


def test_it_refuses_to_name_a_questionnaire_twice(api):
    row = {"survey_id": make_survey().pk}
    response = api().post("research-projects", body(surveys=[row, row]))
    assert response.status_code == 422
    assert response.json()["errors"][0]["message"] == "The questionnaire is named already."
    assert not ResearchSurvey.objects.exists()


def test_representatives_read_projects_and_do_not_write_them(api):
    project, client = make_project(), api("sales_representative")
    assert client.get(f"research-projects/{project.pk}").status_code == 200
    assert client.patch(f"research-projects/{project.pk}", {"title": "x"}).status_code == 403
    assert client.act("research-projects", project.pk, "start").status_code == 403
    assert Research.objects.get().status == "planned"


# --- states ----------------------------------------------------------------------------------------------------


def test_it_starts_today_unless_a_day_is_planned(api, person):
    client, owner = api(), person("sales_manager")
    planned, open_one = make_project(owner=owner, starts_on="2026-01-05"), make_project(owner=owner)
    for project in (planned, open_one):
        assert client.act("research-projects", project.pk, "start").status_code == 200
        project.refresh_from_db()
        assert project.status == "running"
    assert planned.starts_on == date(2026, 1, 5)
    assert open_one.starts_on is not None


def test_nobody_starts_a_project_without_an_owner(api):
    project = make_project()
    assert api().act("research-projects", project.pk, "start").status_code == 422
    assert Research.objects.get().status == "planned"


def test_it_is_concluded_with_its_cost_and_stands_fast(api):
    project, client = make_project("running"), api()
    assert client.act("research-projects", project.pk, "conclude", cost="800.50").status_code == 200
    project.refresh_from_db()
    assert (project.status, str(project.cost)) == ("done", "800.50")
    assert project.concluded_on is not None
    assert client.patch(f"research-projects/{project.pk}", {"findings": "Other"}).status_code == 409
    assert Research.objects.get().findings == "They buy."


def test_the_cost_that_was_known_stays_when_none_is_given(api):
    project = make_project("running", cost="500")
    assert api().act("research-projects", project.pk, "conclude").status_code == 200
    assert str(Research.objects.get().cost) == "500.00"


def test_it_refuses_a_cost_below_zero(api):
    project = make_project("running")
    assert api().act("research-projects", project.pk, "conclude", cost="-1").status_code == 422
    assert Research.objects.get().status == "running"


@pytest.mark.parametrize(("lack", "message"), [
    ("findings", "Write down the findings first."), ("conclusions", "Write down a conclusion first."),
])  # fmt: skip
def test_it_is_not_concluded_without_findings_and_conclusions(api, lack, message):
    project = make_project("running", conclusions=() if lack == "conclusions" else ("Visit them",))
    if lack == "findings":
        Research.objects.update(findings=" ")
    response = api().act("research-projects", project.pk, "conclude")
    assert (response.status_code, response.json()["detail"]) == (409, message)
    assert Research.objects.get().status == "running"


def test_a_project_that_was_given_up_can_be_taken_up_again(api):
    project, client = make_project("running"), api()
    assert client.act("research-projects", project.pk, "cancel").status_code == 200
    assert client.act("research-projects", project.pk, "conclude").status_code == 409
    assert client.act("research-projects", project.pk, "reopen").status_code == 200
    assert Research.objects.get().status == "running"


# --- conclusions become tasks ----------------------------------------------------------------------------------


def test_a_task_is_made_of_each_conclusion_for_the_owner(api, person):
    owner = person("sales_manager")
    project, client = make_project("done", owner=owner), api("sales_director")
    response = client.act("research-projects", project.pk, "make-tasks", due_at="2026-12-01T09:00:00+08:00")
    assert response.status_code == 200, response.content
    tasks = list(Task.objects.order_by("pk"))
    assert response.json()["tasks"] == [one.pk for one in tasks]
    assert [(one.title, one.owner, one.resource, one.record_id) for one in tasks] == [
        ("Visit them", owner, "research-projects", project.pk),
        ("Raise prices", owner, "research-projects", project.pk),
    ]  # fmt: skip
    assert [one.due_at.isoformat() for one in tasks] == ["2026-12-01T01:00:00+00:00"] * 2
    assert list(Conclusion.objects.order_by("pk").values_list("task", flat=True)) == [one.pk for one in tasks]


def test_a_task_is_made_of_one_conclusion_for_somebody_else(api, person):
    project, other = make_project("done", owner=person("sales_manager")), person("sales_representative")
    one = project.conclusions.get(text="Raise prices")
    response = api("sales_director").act(
        "research-projects", project.pk, "make-tasks", conclusion_id=one.pk, owner_id=other.pk
    )
    assert response.status_code == 200, response.content
    assert [(task.title, task.owner) for task in Task.objects.all()] == [("Raise prices", other)]


def test_no_conclusion_becomes_two_tasks(api, person):
    project, client = make_project("done", owner=person("sales_manager")), api("sales_director")
    one = project.conclusions.get(text="Raise prices")
    assert client.act("research-projects", project.pk, "make-tasks", conclusion_id=one.pk).status_code == 200
    assert client.act("research-projects", project.pk, "make-tasks", conclusion_id=one.pk).status_code == 422
    assert client.act("research-projects", project.pk, "make-tasks").json()["tasks"] != []
    assert client.act("research-projects", project.pk, "make-tasks").status_code == 409
    assert sorted(Task.objects.values_list("title", flat=True)) == ["Raise prices", "Visit them"]


@pytest.mark.parametrize("arguments", [{"conclusion_id": 999999}, {"owner_id": 999999}])
def test_it_refuses_unknown_conclusions_and_people(api, person, arguments):
    project = make_project("done", owner=person("sales_manager"))
    assert api().act("research-projects", project.pk, "make-tasks", **arguments).status_code == 422
    assert not Task.objects.exists()


def test_no_tasks_are_made_before_it_is_concluded(api, person):
    project = make_project("running", owner=person("sales_manager"))
    assert api().act("research-projects", project.pk, "make-tasks").status_code == 409
    assert not Task.objects.exists()


def test_a_conclusion_of_which_a_task_was_made_stays(api, person):
    project, client = make_project("done", owner=person("sales_manager")), api()
    first, second = project.conclusions.order_by("pk")
    client.act("research-projects", project.pk, "make-tasks", conclusion_id=first.pk)
    client.act("research-projects", project.pk, "reopen")
    path = f"research-projects/{project.pk}"
    assert client.patch(path, {"conclusions": [{"id": second.pk, "text": "Raise prices"}]}).status_code == 422
    assert Conclusion.objects.count() == 2
    assert client.patch(path, {"conclusions": [{"id": first.pk, "text": "Visit all"}]}).status_code == 200
    assert [(one.text, one.task_id is None) for one in Conclusion.objects.all()] == [("Visit all", False)]


# --- questionnaires --------------------------------------------------------------------------------------------


def test_the_page_of_a_project_shows_what_came_back(browse):
    survey = make_survey()
    make_invitation(survey)
    make_invitation(survey)
    project = make_project()
    ResearchSurvey.objects.create(research=project, survey=survey)
    text = browse("sales_director").get(f"/research-projects/{project.pk}/surveys/panel").content.decode()
    assert survey.title in text
    assert '<td class="num">2</td><td class="num">0</td>' in text
    text = browse("sales_representative").get(f"/research-projects/{project.pk}/surveys/panel").content.decode()
    assert survey.title not in text
