"""What the people of the five systems do: they make records, edit them and look at them. A port: QA never reaches for it."""

from collections.abc import Mapping
from typing import Any, Protocol


class Refused(Exception):
    """The system does not let its user do this."""


class Users(Protocol):
    def add(self, entity: str, values: Mapping[str, Any]) -> str:
        """Make a record of an entity such as `custom_erp.customer`, with raw values by path; gives its id."""
        ...

    def edit(self, entity: str, id_: str, changes: Mapping[str, Any]) -> None: ...

    def look(self, entity: str, id_: str) -> Mapping[str, Any]:
        """The record as its API shows it."""
        ...
