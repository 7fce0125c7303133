"""What can go wrong with a table file as a whole; a fault of one row is a `Row.problem` instead."""

from typing import Any, cast

from django.utils.text import format_lazy

from saleswright.kernel.errors import DomainError, Text


class ExchangeError(DomainError):
    """A file or mapping that can't be used.

    `code` is a fixed name for programs, `message` a lazily translated sentence for people, whose
    placeholders are `values`.
    """

    status = 422

    def __init__(self, code: str, message: Text, **values: Any) -> None:
        super().__init__(format_lazy(cast("str", message), **values) if values else message, code=code)

    @property
    def message(self) -> Text:
        """What is wrong, in the reader's language."""
        return self.detail


class ReadError(ExchangeError):
    """The file can't be read as a table."""


class MappingError(ExchangeError):
    """The mapping is malformed, or doesn't fit the file or the fields."""


class WriteError(ExchangeError):
    """The table can't be written to the file."""
