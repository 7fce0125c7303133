"""What a program in which colleagues talk can do for us, whichever it is.

`wecom` and `dingtalk` implement it. Everything above knows this interface alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from saleswright.integrations.workplace.models import Connection

PATIENCE = 300  # seconds that the time of a callback may differ from ours


class WorkplaceError(Exception):
    """The program did not do what it was asked; the text says why, for people."""


class Temporary(WorkplaceError):
    """It may work later: no connection, too many requests, a fault over there."""


class Final(WorkplaceError):
    """It won't work until somebody changes something: a wrong secret, no right, an unknown person."""


class Unknown(Final):
    """There is no such person over there, or not any more."""


class Forged(WorkplaceError):
    """A callback that the program did not send, or not now."""


@dataclass(frozen=True, slots=True)
class OutsideDepartment:
    """A department over there; `managers` are ids of people, the first one first."""

    id: str
    name: str
    parent: str = ""
    managers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OutsidePerson:
    """A colleague over there; what the company does not let us see is empty."""

    id: str
    name: str
    mobile: str = ""
    email: str = ""
    department: str = ""
    departments: tuple[str, ...] = ()
    manager: str = ""
    left: bool = False


@dataclass(frozen=True, slots=True)
class OutsideContact:
    """A customer with whom colleagues chat; `colleagues` are the ids of those who have them as a contact."""

    id: str
    name: str
    company: str = ""
    mobile: str = ""
    colleagues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """A message to one person: what it is about, facts, where it leads; `buttons` are (label, address).

    With `approve` it has a button that answers at once; `reference` then names the card in the callback.
    """

    reference: str
    title: str
    text: str
    url: str
    open_label: str
    facts: tuple[tuple[str, str], ...] = ()
    buttons: tuple[tuple[str, str], ...] = ()
    approve: str = ""


@dataclass(frozen=True, slots=True)
class Click:
    """Somebody pressed the button of a card."""

    reference: str
    person: str
    update_code: str = ""


@dataclass(frozen=True, slots=True)
class Callback:
    """What the program tells: a click, people who changed, or that departments did.

    `echo` is what it wants to hear at once when an address is set up.
    """

    click: Click | None = None
    people: tuple[str, ...] = ()
    departments: bool = False
    echo: str | None = None
    #: what the answer has to repeat
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a callback."""

    body: str
    content_type: str = "text/plain"


class Workplace(ABC):
    """One program, as one connection has set it up. Methods that ask the program raise WorkplaceError."""

    #: part of the User-Agent of its own browser
    agent_mark: ClassVar[str]
    #: who may show our side bar in a frame
    frame_ancestors: ClassVar[tuple[str, ...]]
    icon: ClassVar[str] = "message-circle"
    #: fields that must be filled in, and secrets that must be given, before it is switched on
    required: ClassVar[tuple[str, ...]]

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def set_up(self, callback_url: str) -> None:  # noqa: B027
        """Tell the program what it must know before the first card; safe to repeat."""

    # --- people ------------------------------------------------------------------------------------------------

    @abstractmethod
    def departments(self) -> list[OutsideDepartment]:
        """The departments that the application may see, at least the chosen ones and what lies below them."""

    @abstractmethod
    def people(self, departments: Sequence[str]) -> list[OutsidePerson]:
        """Those who are directly in these departments, each once."""

    @abstractmethod
    def person(self, person: str) -> OutsidePerson:
        """One colleague. Raises Unknown."""

    # --- sign-in -----------------------------------------------------------------------------------------------

    @abstractmethod
    def sign_in_url(self, back: str, state: str, *, inside: bool) -> str:
        """Where a person is sent who wants to sign in; from there they come `back` with a code and the state."""

    @abstractmethod
    def identify(self, code: str) -> str:
        """The id of the colleague whom the code stands for. Raises Unknown when it is nobody of the company."""

    # --- cards -------------------------------------------------------------------------------------------------

    @abstractmethod
    def send_card(self, person: str, card: Card) -> str:
        """Send a card; the code for changing it later, empty where none is needed."""

    @abstractmethod
    def close_card(self, person: str, card: Card, update_code: str, outcome: str) -> None:
        """Take the buttons off a card that was sent and say what came of it."""

    # --- callbacks ---------------------------------------------------------------------------------------------

    @abstractmethod
    def read(
        self, method: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes, now: float
    ) -> Callback:
        """What a request to our callback address says. Raises Forged unless the program sent it just now."""

    @abstractmethod
    def reply(self, callback: Callback, outcome: str, now: float) -> Reply:
        """The answer; `outcome` is what the person who clicked is told."""

    # --- the side bar ------------------------------------------------------------------------------------------

    @abstractmethod
    def page_signature(self, url: str, nonce: str, now: float) -> dict[str, object]:
        """What the program's script wants to know before it works on a page of this address."""

    @abstractmethod
    def contact(self, contact: str) -> OutsideContact | None:
        """A customer with whom colleagues chat; None where the program does not tell. Raises Unknown."""
