"""What pages show: plain data made by the views, drawn by the templates, knowing neither HTTP nor models."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from saleswright.kernel.errors import Text

CellKind = Literal[
    "text",
    "link",
    "badge",
    "money",
    "number",
    "percent",
    "date",
    "datetime",
    "person",
    "bool",
    "tags",
    "long",
    "masked",
]


@dataclass(slots=True)
class Cell:
    """One value ready to be read: `text` formatted in the person's language, `title` the exact one for hovering."""

    text: str = ""
    kind: CellKind = "text"
    title: str = ""
    url: str = ""
    colour: str = ""  # of a badge: Tabler colour name
    tags: tuple[str, ...] = ()
    reveal: str = ""  # of a masked value: the address that shows it
    scheme: str = ""  # what opens the shown value: tel, mailto


@dataclass(slots=True)
class Column:
    """A column of a list."""

    name: str
    label: Text
    kind: CellKind = "text"
    sort_url: str = ""
    sorted: Literal["", "asc", "desc"] = ""

    @property
    def right(self) -> bool:
        return self.kind in {"money", "number", "percent"}


@dataclass(slots=True)
class Row:
    """A record in a list."""

    id: int
    url: str
    cells: list[Cell]
    archived: bool = False


@dataclass(slots=True)
class Option:
    """One choice of a select."""

    value: str
    label: Text
    selected: bool = False


@dataclass(slots=True)
class FilterControl:
    """An input of the filter panel. Kinds: choice (several), select (one), reference (picker), text, range (two
    inputs), bool, date, period (relative dates as options, plus two dates)."""

    name: str
    label: Text
    kind: Literal["choice", "select", "reference", "text", "range", "bool", "date", "period"]
    options: list[Option] = field(default_factory=list)
    value: str = ""
    low: str = ""
    high: str = ""
    picker_url: str = ""


@dataclass(slots=True)
class Chip:
    """A filter that is on; `remove_url` is the list without it."""

    label: Text
    remove_url: str


@dataclass(slots=True)
class SavedViewLink:
    """A tab of the saved-view bar."""

    id: int | None
    name: Text
    url: str
    active: bool = False
    mine: bool = False
    shared: bool = False


@dataclass(slots=True)
class BulkAction:
    """Something to do with the ticked rows; opens a preview page first."""

    name: str
    label: Text
    url: str


@dataclass(slots=True)
class Subject:
    """The kind of record that a page is about."""

    name: str
    label: Text
    label_plural: Text
    icon: str
    list_url: str


@dataclass(slots=True)
class Switch:
    """A way of looking at the same records: list, board, calendar."""

    label: Text
    icon: str
    url: str
    active: bool


@dataclass(slots=True)
class ListPage:
    """A list of records. `fragment_url` answers the table alone (HTMX); `totals_url` the count and sums."""

    subject: Subject
    columns: list[Column]
    rows: list[Row]
    query: str = ""
    filters: list[FilterControl] = field(default_factory=list)
    chips: list[Chip] = field(default_factory=list)
    notes: list[Text] = field(default_factory=list)  # what of a kept address is not asked for any more
    views: list[SavedViewLink] = field(default_factory=list)
    switches: list[Switch] = field(default_factory=list)
    bulk: list[BulkAction] = field(default_factory=list)
    all_columns: list[tuple[str, Text, bool]] = field(default_factory=list)
    hidden: list[tuple[str, str]] = field(default_factory=list)  # present query parameters, for forms
    fragment_url: str = ""
    totals_url: str = ""
    first_url: str = ""
    next_url: str = ""
    create_url: str = ""
    import_url: str = ""
    export_url: str = ""  # append &format=xlsx|csv
    export_full_url: str = ""  # the same with masked values in full
    save_view_url: str = ""
    empty_text: Text = ""
    archived: bool = False
    archived_url: str = ""  # the same list with (or without) archived records
    setting: bool = False  # reached from the settings, not from the navigation


@dataclass(slots=True)
class PathStep:
    """A state on the path across the top of a record."""

    label: Text
    colour: str
    state: Literal["done", "current", "todo"]


@dataclass(slots=True)
class ActionButton:
    """A transition or other action. Disabled ones carry the reason; those with a form open `url` in a dialog."""

    name: str
    label: Text
    url: str
    enabled: bool = True
    reason: Text = ""
    style: Literal["primary", "success", "danger", "default"] = "default"
    has_form: bool = False
    icon: str = ""
    #: the page that asks for the rest, where that isn't a dialog
    link: str = ""


@dataclass(slots=True)
class Fact:
    """A labelled value."""

    label: Text
    cell: Cell


@dataclass(slots=True)
class FactSection:
    """A group of facts."""

    label: Text
    facts: list[Fact]


@dataclass(slots=True)
class LineTable:
    """The lines of a document, read-only."""

    label: Text
    columns: list[Column]
    rows: list[list[Cell]]
    totals: list[Fact] = field(default_factory=list)


@dataclass(slots=True)
class Tab:
    """A tab of related records, loaded when opened."""

    name: str
    label: Text
    url: str
    count: int | None = None


@dataclass(slots=True)
class DetailPage:
    """One record. Timeline and tabs load after the page."""

    subject: Subject
    id: int
    title: str
    number: str = ""
    status: Cell | None = None
    archived: bool = False
    path: list[PathStep] = field(default_factory=list)
    actions: list[ActionButton] = field(default_factory=list)
    sections: list[FactSection] = field(default_factory=list)
    lines: list[LineTable] = field(default_factory=list)
    tabs: list[Tab] = field(default_factory=list)
    panels: list[str] = field(default_factory=list)  # urls of extra fragments that modules contribute
    first_panels: list[str] = field(default_factory=list)  # those of them that stand above the facts
    timeline_url: str = ""
    edit_url: str = ""
    edit_reason: Text = ""
    documents: list[tuple[Text, str, str]] = field(default_factory=list)  # label, url, suffix (pdf, docx)
    views: list[Switch] = field(default_factory=list)  # other pages of the same record


@dataclass(slots=True)
class TimelineEntry:
    """Something that happened. Kinds: change, transition, comment, attachment, approval, message."""

    kind: str
    at: str
    at_exact: str
    who: str
    text: Text
    changes: list[tuple[Text, str, str]] = field(default_factory=list)  # field, from, to
    url: str = ""


@dataclass(slots=True)
class FormSection:
    """A group of form fields (Django bound fields)."""

    label: Text
    fields: list[Any]
    help: Text = ""


@dataclass(slots=True)
class LineForm:
    """Inline lines: a row of bound fields for each, and an empty one to copy (prefix `__n__`)."""

    name: str
    label: Text
    headers: list[Column]
    rows: list[list[Any]]
    blank: list[Any]
    errors: list[str] = field(default_factory=list)


@dataclass(slots=True)
class FormPage:
    """Adding or changing a record, or the arguments of an action."""

    subject: Subject
    title: Text
    sections: list[FormSection]
    submit_url: str
    cancel_url: str
    lines: list[LineForm] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)  # of the whole record
    hidden: list[tuple[str, str]] = field(default_factory=list)
    submit_label: Text = ""
    duplicates_url: str = ""  # asked with what has been typed; answers a warning fragment
    draft_key: str = ""  # under which the browser keeps what was typed until it is saved
    multipart: bool = False


@dataclass(slots=True)
class Card:
    """A card on a board."""

    id: int
    url: str
    title: str
    subtitle: str = ""
    amount: str = ""
    date: str = ""
    date_late: bool = False
    person: str = ""
    flag: str = ""
    moves: bool = True


@dataclass(slots=True)
class BoardColumn:
    """A column of a board; `drop_url` takes a card's id (POST card, column)."""

    key: str
    label: Text
    colour: str
    cards: list[Card]
    percent: str = ""
    more_url: str = ""
    room: str = ""  # how many of how many places are taken
    full: bool = False


@dataclass(slots=True)
class BoardPage:
    """A board. `totals_url` answers counts and amounts of the columns as JSON {key: {count, amount, weighted}}."""

    subject: Subject
    columns: list[BoardColumn]
    drop_url: str
    totals_url: str
    query: str = ""
    filters: list[FilterControl] = field(default_factory=list)
    chips: list[Chip] = field(default_factory=list)
    switches: list[Switch] = field(default_factory=list)
    hidden: list[tuple[str, str]] = field(default_factory=list)
    create_url: str = ""


@dataclass(slots=True)
class CalendarEntry:
    """A record on a day."""

    id: int
    url: str
    title: str
    time: str = ""
    colour: str = ""


@dataclass(slots=True)
class CalendarDay:
    """A day of the calendar."""

    date: str
    number: int
    today: bool
    outside: bool
    entries: list[CalendarEntry]
    more: int = 0


@dataclass(slots=True)
class CalendarPage:
    """A month, week or day of records."""

    subject: Subject
    title: str
    mode: Literal["month", "week", "day"]
    weekdays: list[Text]
    weeks: list[list[CalendarDay]]
    previous_url: str
    next_url: str
    today_url: str
    modes: list[Switch] = field(default_factory=list)
    switches: list[Switch] = field(default_factory=list)
    create_url: str = ""


@dataclass(slots=True)
class NavItem:
    """An entry of the left navigation."""

    label: Text
    icon: str
    url: str
    active: bool = False
    badge: int = 0
    children: list[NavItem] = field(default_factory=list)


@dataclass(slots=True)
class Shell:
    """What surrounds every page."""

    product: str
    navigation: list[NavItem]
    create: list[NavItem]
    person: str
    person_detail: str
    language: str
    theme: str
    search_url: str
    counts_url: str  # answers {"approvals": n, "notifications": n}
    approvals_url: str
    notifications_url: str
    sign_out_url: str
    profile_url: str
    messages: Iterable[Any] = ()  # what has just been done; reading them uses them up


@dataclass(slots=True)
class ImportReport:
    """What an import did or would do."""

    rows: int
    created: int
    updated: int
    failed: int
    dry_run: bool
    errors: list[tuple[int, str, Text]] = field(default_factory=list)  # line, field, message
    errors_url: str = ""
    #: rows that are likely there already: how many, how many were left out, and the first with their addresses
    likely: int = 0
    skipped: int = 0
    alike: list[tuple[Any, str]] = field(default_factory=list)


@dataclass(slots=True)
class ImportPage:
    """The import wizard: upload, match columns, dry run, take."""

    subject: Subject
    step: Literal["upload", "match", "result"]
    submit_url: str
    template_url: str = ""
    fields: list[tuple[str, Text, bool]] = field(default_factory=list)  # name, label, required
    headers: list[tuple[str, str, list[str]]] = field(default_factory=list)  # header, matched field, sample values
    file_token: str = ""
    file_name: str = ""
    report: ImportReport | None = None
    errors: list[str] = field(default_factory=list)
    job_url: str = ""  # progress, when it became a job


@dataclass(slots=True)
class Chart:
    """A picture with a finding as its title and a table behind it; `option` is ECharts' option."""

    title: Text
    unit: Text
    source: Text
    option: dict[str, Any]
    headers: list[Text]
    rows: list[list[str]]


@dataclass(slots=True)
class Tile:
    """A tile of the first screen or a dashboard: a figure, a list of links or a chart."""

    title: Text
    size: int = 4  # of twelve columns
    figure: str = ""
    detail: Text = ""
    progress: float | None = None  # 0 to 1, drawn as a ring
    elapsed: float | None = None  # share of time gone, 0 to 1
    colour: str = ""
    items: list[TileItem] = field(default_factory=list)
    chart: Chart | None = None
    url: str = ""
    empty: Text = ""


@dataclass(slots=True)
class TileItem:
    """A line in a tile."""

    text: str
    url: str = ""
    detail: str = ""
    late: bool = False
    icon: str = ""
    action: ActionButton | None = None


@dataclass(slots=True)
class HomePage:
    """The first screen: my work today."""

    greeting: Text
    tiles: list[Tile]


@dataclass(slots=True)
class ReportPage:
    """A report: parameters, a chart, a table that drills down."""

    name: str
    title: Text
    filters: list[FilterControl]
    columns: list[Column]
    rows: list[list[Cell]]
    reports: list[Switch]
    chart: Chart | None = None
    as_of: str = ""
    export_url: str = ""
    problems: list[Text] = field(default_factory=list)  # what is wrong with the parameters


@dataclass(slots=True)
class Totals:
    """The count and sums of a list, loaded after it."""

    count: int
    sums: list[Fact] = field(default_factory=list)
    more_than: bool = False  # the count is a lower bound


@dataclass(slots=True)
class SearchHit:
    """A record or a page that the search found."""

    label: Text
    url: str
    detail: str = ""
    badge: Cell | None = None


@dataclass(slots=True)
class SearchGroup:
    """Hits of one kind."""

    label: Text
    icon: str
    hits: list[SearchHit]
    more_url: str = ""


@dataclass(slots=True)
class ApprovalItem:
    """A decision that waits for the person, or that they asked for."""

    id: int
    title: str
    url: str
    kind: Text
    who: str
    at: str
    at_exact: str = ""
    amount: str = ""
    facts: list[Fact] = field(default_factory=list)
    overdue: bool = False
    status: Cell | None = None
    actions: list[ActionButton] = field(default_factory=list)


@dataclass(slots=True)
class ApprovalsPage:
    """Decisions to be made, as cards that work on a phone."""

    title: Text
    items: list[ApprovalItem]
    tabs: list[Switch] = field(default_factory=list)
    next_url: str = ""
    empty_text: Text = ""


@dataclass(slots=True)
class BulkPage:
    """What an action would do to each of the ticked rows, before it is done; afterwards what it did."""

    subject: Subject
    title: Text
    submit_url: str
    cancel_url: str
    columns: list[Column] = field(default_factory=list)
    rows: list[tuple[Row, Text]] = field(default_factory=list)  # record, reason why it is left out (or "")
    sections: list[FormSection] = field(default_factory=list)
    hidden: list[tuple[str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    submit_label: Text = ""
    style: Literal["primary", "success", "danger", "default"] = "primary"
    done: bool = False

    @property
    def allowed(self) -> int:
        return sum(1 for _row, reason in self.rows if not reason)


@dataclass(slots=True)
class SignInPage:
    """The door: name, password and, where it is asked for, the code of the second factor."""

    submit_url: str
    next: str = ""
    username: str = ""
    error: Text = ""
    second_factor: bool = False
    hint: Text = ""


@dataclass(slots=True)
class ErrorPage:
    """Why there is no page, and where to go from here."""

    status: int
    title: Text
    detail: Text = ""
    reference: str = ""
    home_url: str = "/"
    errors: tuple[Text, ...] = ()
