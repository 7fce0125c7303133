"""Both programs on this machine with a small company, and connections that lead to them."""

import pytest

from saleswright.integrations.workplace.models import Connection
from saleswright.integrations.workplace.tests.fakes import AGENT, CLIENT, CORP, FAKES, KEY, SECRET, TOKEN
from saleswright.kernel.access.actors import system
from saleswright.kernel.records import save_record

VALUES = {
    "active": True, "site": "https://crm.example.com", "corp_id": CORP, "agent_id": AGENT, "client_id": CLIENT,
    "secret": SECRET, "callback_token": TOKEN, "callback_key": KEY, "departments": "10",
    "card_template": "template.schema", "robot_code": CLIENT,
}  # fmt: skip


@pytest.fixture(params=list(FAKES))
def office(request, settings):
    """A program with a headquarters (1), sales (10) with a region (11) below, and finance (20)."""
    made = FAKES[request.param]()
    for name in made.addresses:
        setattr(settings, name, made.url)
    made.department("1", "总公司", "")
    made.department("10", "销售部", "1", ["lead"])
    made.department("11", "华东区", "10")
    made.department("20", "财务部", "1")
    made.person("lead", "李经理", "10", "13800000001", "lead@example.com")
    made.person("wang", "王芳", "11", "13800000002", "wang@example.com")
    made.person("zhao", "赵敏", "11", "13800000003", "zhao@example.com", manager="wang")
    made.person("money", "钱会计", "20", "13800000009")
    yield made
    made.close()
    assert made.problems == []


@pytest.fixture
def connection(office, db):
    """The connection of the program, switched on."""
    pk = Connection.objects.get(provider=office.provider).pk
    save_record(Connection, VALUES, pk=pk, actor=system("test"))
    return Connection.objects.get(pk=pk)
