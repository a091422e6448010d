"""A write before it is sent: its exact bytes, and what must be known later to tell whether it happened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from talk_assets.systems import strict_json
from talk_assets.systems.writing.outcome import WriteKind


@dataclass(frozen=True)
class Prepared:
    kind: WriteKind
    system: str
    entity: str
    """Where it goes; not always the entity that was changed, see `Joins`."""
    method: str
    path: str
    """Below the client's base address, encoded."""
    headers: Mapping[str, str]
    body: str | None = field(repr=False)
    id: str | None = None
    known: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What addresses of this record need beside its id."""
    sent: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """By property, as the API writes it: what the record holds if this happened."""
    before: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """By property, the values that this replaces or depends on, as far as the record mentioned them."""
    unseen: Sequence[str] = ()
    """The others, of which the record said nothing, and its system could: it is to be sent only if they are empty."""
    before_text: str | None = field(default=None, repr=False)
    """The whole record, where the whole record is replaced."""
    stamp: str | None = None
    """When the record was last edited, before this."""
    version: str | None = None
    compare: bool = False
    """Read the record right before sending, and send only if it is still what it was."""
    reference: str | None = None
    """Our reference or idempotency key."""
    accepted: bool = False
    """Its system has said that it will do it later: that it is not done yet proves nothing."""

    def to_json(self) -> str:
        """Whole, for a store: what comes back from there is sent byte for byte the same."""
        return strict_json.dumps({name: getattr(self, name) for name in self.__dataclass_fields__}).decode()

    @classmethod
    def from_json(cls, text: str) -> "Prepared":
        return cls(**strict_json.loads(text))
