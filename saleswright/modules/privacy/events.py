"""What others may react to."""

from dataclasses import dataclass

from saleswright.kernel.events import Event


@dataclass(frozen=True)
class DataErased(Event):
    """A person's data was erased as a request said."""

    resource = "subject-requests"
