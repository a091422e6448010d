"""What can happen in a schedule, as small scenes of events that belong together: alone, most of them would meet nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Step:
    """One event of a scene."""

    kind: str
    what: str = ""
    of: str = ""
    """What its moment is counted in; empty: drawn."""
    late: bool | None = None
    """After what it counts, rather than before; None: drawn."""
    together: bool = False
    """At the very request of the step before."""
    gap: float = 0.01
    """Seconds that pass before it."""
    rounds: int = 0
    """How many rounds after the first step."""


def _lost(of: str) -> Step:
    return Step("fault", "lost after", of, late=True)


SCENES: Mapping[str, tuple[tuple[Step, ...], int]] = {
    "edit": ((Step("edit", "any"),), 6),
    "edit in a pause": ((Step("edit", "any", "pause"),), 6),
    "edit of what a system rewrites": ((Step("edit", "rewritten", "pause"),), 2),
    "contradiction": ((Step("edit", "any", "pause"), Step("edit", "again", "pause", gap=10.0)), 3),
    "contradiction within a request": ((Step("edit", "any"), Step("edit", "again", gap=3.0)), 2),
    "edit twice": ((Step("edit", "hasty", "pause"), Step("edit", "twice", "read", late=True)), 2),
    "edit again after it was seen": ((Step("edit", "hasty", "pause"), Step("edit", "twice", "pause", rounds=1)), 2),
    "edit of a neighbour": ((Step("edit", "hasty", "pause"), Step("edit", "neighbour", "read", late=True)), 2),
    "edit of what is about to be written": ((Step("edit", "any", "pause"), Step("edit", "again", "read", late=True)), 2),
    "edit of what is being written": ((Step("edit", "any", "pause"), Step("edit", "written", "update", late=False)), 2),
    "creation": ((Step("create"),), 2),
    "creation without an answer": ((Step("create", "stranger", "pause"), _lost("create")), 3),
    "creation without an answer, then an edit": (
        (Step("create", "stranger", "pause"), _lost("create"), Step("edit", "fresh", "create", late=True, together=True)),
        2,
    ),
    "update without an answer": ((Step("edit", "any", "pause"), _lost("update")), 2),
    "update without an answer, taken back": (
        (Step("edit", "any", "pause"), _lost("update"), Step("edit", "taken back", "update", late=True, together=True)),
        1,
    ),
    "update that never arrives": ((Step("edit", "any", "pause"), Step("fault", "lost before", "update")), 1),
    "deletion": ((Step("delete"), Step("edit", "survivor", "end")), 1),
    "trouble": ((Step("fault"),), 4),
    "trouble at a write": ((Step("fault", of="write"),), 4),
    "crash": ((Step("crash", of="point"),), 5),
    "crash while reading": ((Step("crash", "collect", "point"),), 1),
    "dry run": ((Step("dry run", of="pause"),), 1),
}
"""By name: what happens, and how often, compared with each other."""
FAULTS = ("lost before", "lost after", "error before", "error after", "throttled", "cut off", "refused connection")
TURNS = ("elsewhere", "newcomer", "emptied", "joined", "renamed", "counted")
"""What somebody changes that tells of no edit."""
TURNED: Mapping[str, tuple[tuple[Step, ...], int]] = {
    "turn": ((Step("turn"),), 3),
    "turn in a pause": ((Step("turn", of="pause"),), 4),
    "turn of what is being written": ((Step("turn", of="pause"), Step("turn", of="update")), 1),
    "turn, then another part of it": ((Step("turn", "joined", "pause"), Step("turn", "renamed", "pause", rounds=1)), 2),
    "turn without an answer": ((Step("turn", of="pause"), _lost("update")), 1),
    "turn beside an edit": ((Step("turn", of="pause"), Step("edit", "any", "pause")), 1),
    "turn, then a crash": ((Step("turn", of="pause"), Step("crash", of="point")), 1),
}
"""As `SCENES`, of turns."""
REFILED: tuple[tuple[Step, ...], ...] = (
    (Step("edit", "any", "pause", rounds=1),),
    (Step("edit", "rewritten", "pause"),),
    (Step("edit", "rewritten", "pause"), Step("edit", "rewritten", "pause", rounds=1)),
    (Step("edit", "any", "read", late=True),),
    (Step("edit", "any", "read", late=True), Step("edit", "neighbour", "pause", gap=10.0, rounds=1)),
    (Step("edit", "any", "pause", rounds=1), Step("edit", "beside", "pause", gap=10.0, rounds=1)),
    (Step("edit", "any", "write", late=True),),
    (Step("edit", "any", "read", late=True), Step("edit", "again", "pause", gap=10.0, rounds=1)),
    (Step("edit", "any", "pause"), Step("edit", "again", "pause", gap=10.0, rounds=1)),
    (Step("edit", "any", "pause"), _lost("update"), Step("edit", "again", "pause", rounds=1)),
    (Step("edit", "any", "pause"), Step("fault", "lost before", "update")),
    (Step("edit", "any", "pause"), Step("crash", of="point")),
    (Step("edit", "any", "pause", rounds=1), Step("crash", of="point", rounds=1)),
    (Step("create", "stranger", "pause"), _lost("create")),
    (Step("create", of="pause", rounds=1),),
    (Step("turn", "emptied", "pause"), Step("turn", "emptied", "pause", rounds=1)),
    (Step("turn", of="pause", rounds=1),),
    (Step("turn", of="read", late=True),),
    (Step("delete", of="pause", rounds=1),),
)
"""What happens in the round before documents change, and in the first one by the others."""
DEPENDENT: tuple[tuple[Step, ...], ...] = (
    (Step("turn", "toggled", "pause"),),
    (Step("turn", "toggled"),),
    (Step("turn", "toggled", "pause"), Step("turn", "toggled", "pause", rounds=1)),
    (Step("turn", "toggled", "pause"), Step("edit", "field", "pause")),
    (Step("edit", "field", "pause"), Step("turn", "toggled", "pause")),
    (Step("edit", "field", "pause"), Step("turn", "toggled", "read", late=True)),
    (Step("edit", "field", "pause"), Step("turn", "toggled", "update")),
    (Step("edit", "field", "pause"), Step("edit", "field", "pause", gap=10.0), Step("turn", "toggled", "pause", rounds=1)),
    (Step("turn", "toggled", "pause"), Step("edit", "field", "pause", rounds=1), Step("turn", "toggled", "pause", rounds=1)),
    (Step("turn", "toggled", "pause"), Step("edit", "field", "pause"), Step("turn", "toggled", "pause", rounds=1)),
    (Step("turn", "toggled", "pause"), _lost("update"), Step("edit", "field", "pause", rounds=1)),
    (Step("edit", "field", "pause"), _lost("update"), Step("turn", "toggled", "update", late=True, together=True)),
    (Step("edit", "field", "pause"), _lost("update"), Step("turn", "toggled", "pause", rounds=1)),
    (Step("turn", "toggled", "pause"), Step("crash", of="point")),
    (Step("edit", "field", "pause"), Step("crash", of="point"), Step("turn", "toggled", "pause", rounds=1)),
    (Step("create", of="pause"), Step("turn", "toggled", "read", late=True)),
    (Step("turn", "emptied", "pause"), Step("turn", "toggled", "pause", rounds=1)),
)
"""What happens to properties that count only while their records hold something else, and to what that is."""
SPOKEN: tuple[tuple[Step, ...], ...] = (
    (Step("turn", "spoken", "pause"),),
    (Step("turn", "spoken", "read", late=True),),
    (Step("turn", "spoken", "pause"), Step("turn", "spoken", "pause", gap=10.0)),
    (Step("turn", "spoken", "pause"), Step("turn", "spoken", "pause", rounds=1)),
    (Step("turn", "spoken", "pause"), Step("turn", "spoken", "update")),
    (Step("turn", "spoken", "pause"), _lost("update"), Step("turn", "spoken", "pause", rounds=1)),
    (Step("turn", "spoken", "pause"), _lost("update")),
    (Step("turn", "spoken", "pause"), Step("fault", "lost before", "update")),
    (Step("turn", "spoken", "pause"), Step("crash", of="point")),
    (Step("turn", "spoken", "pause", rounds=1), Step("crash", of="point", rounds=1)),
    (Step("turn", "spoken", "pause"), Step("edit", "any", "pause", gap=10.0)),
    (Step("create", of="pause"), Step("turn", "spoken", "pause", rounds=1)),
    (Step("create", "stranger", "pause"), _lost("create")),
    (Step("delete", of="pause", rounds=1),),
)
"""What happens to values that are called otherwise in one place, and about when that changes."""
CONDITIONED: tuple[tuple[Step, ...], ...] = (
    (Step("turn", "conditioned", "pause"),),
    (Step("turn", "conditioned"),),
    (Step("create", of="pause"), Step("turn", "conditioned", "read", late=True)),
    (Step("create", of="pause"), Step("turn", "conditioned", "create")),
    (Step("create", of="pause"), Step("turn", "conditioned", "pause", rounds=1)),
    (Step("create", of="pause"), _lost("create"), Step("turn", "conditioned", "pause", rounds=1)),
    (Step("create", of="pause"), Step("fault", "lost before", "create"), Step("turn", "conditioned", "pause", rounds=1)),
    (Step("turn", "conditioned", "pause"), Step("turn", "conditioned", "pause", rounds=1)),
    (Step("turn", "conditioned", "pause"), Step("fault", "lost before", "create")),
    (Step("turn", "conditioned", "pause"), Step("edit", "any", "pause")),
    (Step("turn", "conditioned", "pause"), Step("crash", of="point")),
    (Step("turn", "conditioned", "pause"), Step("delete", of="pause", rounds=1)),
)
"""What happens to records of which only some are made elsewhere, and to what decides that."""
ABOUT_REFUSED: tuple[tuple[Step, ...], ...] = (
    (Step("edit", "refused", "pause"),),
    (Step("edit", "refused", "pause"), Step("edit", "refused", "pause", rounds=1)),
    (Step("edit", "refused", "pause"), Step("edit", "again", "pause", rounds=1)),
    (Step("edit", "refused", "pause"), Step("edit", "any", "pause", gap=10.0)),
    (Step("edit", "refused", "read", late=True),),
    (Step("edit", "refused", "pause"), Step("crash", of="point")),
    (Step("edit", "refused", "pause"), Step("delete", of="pause", rounds=1)),
    (Step("create", of="pause"),),
    (Step("turn", of="pause"),),
)
"""What happens to things of which a system takes nothing."""
UNANSWERED = ("lost after", "lost before", "error after", "cut off", "accepted")
"""What leaves it open whether a record was made."""
BESIDE: Mapping[str, Step] = {
    "the key of its source": Step("edit", "source key"),
    "the key of what it made": Step("edit", "made key"),
    "its source deleted": Step("delete", "source"),
    "what it made deleted": Step("delete", "made"),
    "another with its key": Step("create", "double"),
}
"""What somebody does to a thing of which a counterpart is being made, and nobody knows yet whether it was."""


def _opened() -> Iterator[tuple[str, tuple[Step, ...]]]:
    for lost in UNANSWERED:
        for words, deed in BESIDE.items():
            creation = Step("create", "copied", "pause"), Step("fault", lost, "create")
            at_once = replace(deed, of="create", together=True)
            yield f"creation, {lost}, {words}", (*creation, at_once)
            yield f"creation, {lost}, then {words}", (*creation, replace(deed, of="pause", rounds=1))
    for lost in ("lost after", "lost before"):
        for words, deed in (("its key", Step("edit", "written key")), ("its end", Step("delete", "written"))):
            update = Step("edit", "any", "pause"), Step("fault", lost, "update")
            yield f"update, {lost}, {words}", (*update, replace(deed, of="update", together=True))


OPENED: Mapping[str, tuple[Step, ...]] = dict(_opened())
"""As `SCENES`, of writes without an answer and of what their records are known again by."""
STAGES = ("collect", "link", "merge", "plan", "arm", "send", "answer", "settle", "resolve", "missing", "any")
"""Where a process can be killed: a crash comes at one of the first points of a stage, so that rare ones have their turn."""
