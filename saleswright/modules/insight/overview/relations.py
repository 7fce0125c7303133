"""Who reports to whom at a customer, and which companies belong together: trees to draw, and the same as rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from saleswright.interface.entity import entity_named
from saleswright.interface.labels import read_rows
from saleswright.interface.presentation import Cell, Chart
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.modules.customers.public import Attitude, Contact, Customer, DecisionRole, Level

MOST_PEOPLE, MOST_COMPANIES, MOST_LEVELS = 300, 300, 20
#: an attitude in the picture; the same hues as the badges
COLOURS = {
    Attitude.CHAMPION: "#2b9a45", Attitude.FRIENDLY: "#0b9a78", Attitude.NEUTRAL: "#8b95a5",
    Attitude.CRITICAL: "#e8700a", Attitude.OPPONENT: "#d63939",
}  # fmt: skip
UNKNOWN = "#c5ccd6"
#: a role in the picture, so that it is readable without colour
SHAPES = {
    DecisionRole.DECIDES: "diamond", DecisionRole.INFLUENCES: "triangle", DecisionRole.GATEKEEPER: "rect",
    DecisionRole.USES: "circle",
}  # fmt: skip
ROW = 34


@dataclass(slots=True)
class Node:
    """A person or a company with what lies below; `depth` from the top."""

    id: int
    text: str
    detail: str = ""
    url: str = ""
    badge: Cell = field(default_factory=Cell)
    mark: str = ""
    colour: str = UNKNOWN
    shape: str = "circle"
    here: bool = False
    depth: int = 0
    below: list[Node] = field(default_factory=list)

    def rows(self) -> Iterator[Node]:
        """This one and all below, from the top."""
        yield self
        for one in self.below:
            yield from one.rows()

    @property
    def leaves(self) -> int:
        return sum(one.leaves for one in self.below) or 1

    def drawn(self) -> dict[str, Any]:
        """The node as ECharts takes it."""
        found: dict[str, Any] = {
            "name": f"{self.text}  {self.detail}".strip(), "symbol": self.shape,
            "itemStyle": {"color": self.colour, "borderColor": self.colour},
            "children": [one.drawn() for one in self.below],
        }  # fmt: skip
        if self.url:
            found["url"] = self.url
        return found


def planted(nodes: Mapping[int, Node], parents: Mapping[int, int | None]) -> list[Node]:
    """The trees of the nodes; whose parent is not among them stands at the top. A circle is cut where it closes."""
    tops, placed = [], set()
    for pk, node in nodes.items():
        if parents.get(pk) not in nodes or parents.get(pk) == pk:
            tops.append(node)
    children: dict[int | None, list[int]] = defaultdict(list)
    for pk in nodes:
        children[parents.get(pk)].append(pk)

    def hang(node: Node, depth: int) -> None:
        placed.add(node.id)
        node.depth = depth
        for pk in children.get(node.id, ()):
            if pk not in placed:
                node.below.append(nodes[pk])
                hang(nodes[pk], depth + 1)

    for top in tops:
        hang(top, 0)
    for pk, node in nodes.items():
        if pk not in placed:
            tops.append(node)
            hang(node, 0)
    return tops


# --- people ----------------------------------------------------------------------------------------------------


def people_of(customer: Customer, actor: Actor, language: str) -> list[Node]:
    """The contacts of a customer by reporting line, as far as the actor sees them."""
    contacts = visible(Contact.objects.filter(customer=customer, archived_at=None), actor)
    specs = entity_named("contacts").specs_for(actor)
    wanted = [specs[n] for n in ("name", "title", "decision_role", "attitude") if n in specs]
    rows = read_rows(contacts.order_by("-is_primary", "name", "pk")[:MOST_PEOPLE], wanted, "id", "reports_to_id",
                     "is_primary")  # fmt: skip
    nodes = {row["id"]: _person(row) for row in rows}
    return planted(nodes, {row["id"]: row["reports_to_id"] for row in rows})


def _person(row: Mapping[str, Any]) -> Node:
    code = row.get("attitude") or ""
    attitude = Attitude(code) if code in Attitude.values else None
    role = DecisionRole(row["decision_role"]) if row.get("decision_role") else None
    return Node(
        row["id"],
        row["name"],
        " · ".join(filter(None, (row.get("title") or "", str(role.label) if role else ""))),
        f"/contacts/{row['id']}",
        Cell(str(attitude.label) if attitude else code, "badge", colour=attitude.colour if attitude else "secondary"),
        _("Main contact") if row["is_primary"] else "",
        COLOURS[attitude] if attitude else UNKNOWN,
        SHAPES[role] if role else "circle",
    )


def chart_of_people(customer: Customer, tops: Iterable[Node]) -> Chart:
    """The reporting lines with the customer at the root."""
    root = Node(0, customer.name, colour="#1463d8", shape="roundRect", below=list(tops))
    everybody = [node for top in root.below for node in top.rows()]
    friends = sum(1 for node in everybody if node.colour in {COLOURS[Attitude.CHAMPION], COLOURS[Attitude.FRIENDLY]})
    against = [
        n for n in everybody if n.shape == SHAPES[DecisionRole.DECIDES] and n.colour == COLOURS[Attitude.OPPONENT]
    ]
    title = _("%(friends)d of %(all)d people are on our side") % {"friends": friends, "all": len(everybody)}
    if against:
        title = _("%(name)s decides and is against us") % {"name": against[0].text}
    return _chart(title, root, _("Contacts of the customer"), [_("Person"), _("Reports to"), _("Attitude")], [
        [node.text, boss.text if boss.id else "", node.badge.text] for boss, node in _pairs(root)
    ])  # fmt: skip


def _pairs(root: Node) -> Iterator[tuple[Node, Node]]:
    for node in root.rows():
        for one in node.below:
            yield node, one


def _chart(title: str, root: Node, source: str, headers: list[Any], rows: list[list[str]]) -> Chart:
    inner = {"position": "top", "distance": 7, "align": "center", "width": 150, "overflow": "truncate"}
    label = {"position": "right", "verticalAlign": "middle", "align": "left", "distance": 8}
    option = {
        "tooltip": {"show": False},
        "aria": {"enabled": False},
        "series": [
            {
                "type": "tree", "data": [root.drawn()], "left": 84, "right": 220, "top": 8, "bottom": 8,
                "symbolSize": 13, "edgeShape": "curve", "expandAndCollapse": False, "initialTreeDepth": -1,
                "label": inner, "leaves": {"label": label}, "lineStyle": {"width": 1.5, "curveness": 0.6},
                "emphasis": {"focus": "relative"}, "animation": False,
            }
        ],
    }  # fmt: skip
    return Chart(title, "", source, option, headers, rows)


def height(tops: Iterable[Node]) -> int:
    """How many pixels the picture needs so that no two labels touch."""
    return max(160, sum(top.leaves for top in tops) * ROW + 24)


# --- companies -------------------------------------------------------------------------------------------------


def group_of(customer: Customer, actor: Actor) -> Node | None:
    """The group of companies from its top, with the customer marked; None for a company of its own.

    Companies that the actor doesn't see stand there without a name, since others hang below them.
    """
    top, seen = customer, {customer.pk}
    while top.parent_id is not None and top.parent_id not in seen and len(seen) < MOST_LEVELS:
        found = Customer.objects.filter(pk=top.parent_id).only("pk", "name", "parent_id").first()
        if found is None:
            break
        top = found
        seen.add(top.pk)
    parents: dict[int, int | None] = {top.pk: None}
    level = [top.pk]
    for _level in range(MOST_LEVELS):
        below = Customer.objects.filter(parent__in=level, archived_at=None).order_by("name", "pk")
        level = []
        for pk, parent_id in below.values_list("pk", "parent_id")[:MOST_COMPANIES]:
            if pk not in parents:
                parents[pk] = parent_id
                level.append(pk)
        if not level or len(parents) > MOST_COMPANIES:
            break
    if len(parents) == 1:
        return None
    rows = visible(Customer.objects.filter(pk__in=parents), actor).values_list("pk", "name", "city", "level")
    known = {pk: _company(pk, name, city, level_, customer) for pk, name, city, level_ in rows}
    nodes = {pk: known.get(pk) or Node(pk, _("A company that you don't see")) for pk in parents}
    return planted(nodes, parents)[0]


def _company(pk: int, name: str, city: str, level: str, customer: Customer) -> Node:
    here = pk == customer.pk
    badge = Cell(str(Level(level).label), "badge", colour=Level(level).colour) if level else Cell()
    return Node(pk, name, city, f"/customers/{pk}/overview", badge, _("This customer") if here else "",
                "#1463d8" if here else "#8fb6f0", "diamond" if here else "roundRect", here)  # fmt: skip


def chart_of_group(top: Node) -> Chart:
    """The group from its top."""
    count = sum(1 for _node in top.rows())
    title = _("%(count)d companies belong to the group of %(name)s") % {"count": count, "name": top.text}
    rows = [[node.text, boss.text, node.badge.text] for boss, node in _pairs(top)]
    return _chart(
        title, top, _("Customers with their parent companies"), [_("Company"), _("Belongs to"), _("Level")], rows
    )
