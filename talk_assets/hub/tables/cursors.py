"""How far each consumer has come. Moving a cursor in the transaction of what was made of the step makes that happen once."""

import json
from typing import Any

from talk_assets.hub.errors import Fenced
from talk_assets.hub.hub import Hub


def position(hub: Hub, consumer: str) -> Any:
    """Where a consumer is: the JSON value that it left, or None at its start."""
    found = _all(hub).get(consumer)
    return None if found is None else json.loads(found)


def positions(hub: Hub, beginning: str) -> dict[str, Any]:
    """Where all consumers are whose names begin so."""
    return {consumer: json.loads(position) for consumer, position in _all(hub).items() if consumer.startswith(beginning)}


def move(hub: Hub, consumer: str, *, expected: Any, to: Any) -> None:
    """Move a cursor from where the caller read it. If it is elsewhere by now, another run was faster: this one must stop."""
    if expected is None:
        # Two runs that both make the first row would not collide; over a number they do.
        hub.numbers("cursor", 1)
        fits = hub.value("SELECT count(*) FROM cursors WHERE consumer = ?", [consumer]) == 0
        hub.write("INSERT INTO cursors VALUES (?, ?)", [consumer, _text(to)])
    else:
        step = [_text(to), consumer, _text(expected)]
        fits = hub.write("UPDATE cursors SET position = ? WHERE consumer = ? AND position = ?", step) == 1
    if not fits:
        raise Fenced(f"another run has moved the cursor of {consumer}; this run's step is dropped and will be taken again")
    _all(hub)[consumer] = _text(to)


def reset(hub: Hub, consumer: str) -> None:
    """Back to the start: the consumer will look at everything again."""
    hub.write("DELETE FROM cursors WHERE consumer = ?", [consumer])
    _all(hub).pop(consumer, None)


def _all(hub: Hub) -> dict[str, str]:
    return hub.whole("cursors", lambda: dict(hub.read("SELECT consumer, position FROM cursors").iter_rows()))


def _text(position: Any) -> str:
    return json.dumps(position, sort_keys=True, ensure_ascii=False)
