"""Bugs put into the engine on purpose: a simulator that does not find them proves nothing about those it does not know."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl

from talk_assets.hub.tables import cells
from talk_assets.operator import deciding
from talk_assets.simulate import sabotage
from talk_assets.simulate.campaign import each
from talk_assets.simulate.documents import FEWER, REORDERED
from talk_assets.simulate.schedule import Schedule, draw
from talk_assets.simulate.seldom import LATE, REFUSED, ROW_AWAY
from talk_assets.simulate.trial import play
from talk_assets.simulate.wording import REWORDED
from talk_assets.sync import ask, collect, deliver, hear, linking, merge, merging, plan, planning, recover, world
from talk_assets.sync import cycle as cycles
from talk_assets.sync.doubt import unread
from talk_assets.sync.meaning import cells as said
from talk_assets.sync.writing import believe
from talk_assets.systems import stamps
from talk_assets.systems.calling.retry import Retrying
from talk_assets.systems.writing import delivery
from talk_assets.systems.writing.resolve import Resolver

BUDGET = 40
"""Schedules in which a bug must show, of those that have in them what it needs."""


@dataclass(frozen=True)
class Bug:
    name: str
    words: str
    plant: Callable[[ExitStack], None]
    seed: int
    """One that shows it."""
    scenes: frozenset[str] = frozenset()
    quirks: frozenset[str] = frozenset()
    systems: frozenset[str] = frozenset()
    upheavals: frozenset[str] = frozenset()
    """What a schedule must have of each for the bug to show at all; others are passed over."""
    is_guarded: bool = False
    """Whether guards must allow a few writes only."""

    def fits(self, schedule: Schedule) -> bool:
        has_all = self.scenes <= schedule.scenes and self.quirks <= schedule.quirks and self.is_guarded <= schedule.is_guarded
        return has_all and self.systems <= schedule.topology.systems.keys() and self.upheavals <= schedule.upheavals


def _swap(where: Any, name: str, bad: Any, *also: Any) -> Callable[[ExitStack], None]:
    def plant(stack: ExitStack) -> None:
        for one in (where, *also):
            stack.enter_context(patch.object(one, name, bad))

    return plant


BUGS: tuple[Bug, ...] = (
    Bug(
        "create again, unlooked",
        "a create without an answer is taken for undone",
        _swap(Resolver, "_create", sabotage.never_looked),
        seed=234,
        scenes=frozenset({"creation without an answer"}),
        systems=frozenset({"custom_pms"}),
    ),
    Bug(
        "retry a create",
        "a POST without an answer is sent again at once",
        _swap(Retrying, "run", sabotage.retry_everything),
        seed=69,
        scenes=frozenset({"creation without an answer"}),
    ),
    Bug(
        "no compare",
        "a record is written without looking what is in it",
        _swap(delivery, "unchanged", lambda *_: True),
        seed=221,
        scenes=frozenset({"edit of what is about to be written"}),
        systems=frozenset({"invoiced"}),
    ),
    Bug(
        "unlisted is deleted",
        "what a list does not name is taken for deleted",
        _swap(collect, "_missing", sabotage.buried_at_once),
        seed=23,
        quirks=frozenset({"shrink"}),
    ),
    Bug(
        "last arrival wins",
        "stamps do not decide between edits",
        _swap(merging, "merge", sabotage.last_arrival),
        seed=58,
        scenes=frozenset({"contradiction"}),
    ),
    Bug(
        "no overlap",
        "a list of changes starts where the last one ended",
        _swap(stamps, "since", sabotage.no_overlap),
        seed=3818,
        scenes=frozenset({"edit of a neighbour"}),
        quirks=frozenset({"coarse"}),
        systems=frozenset({"custom_pms"}),
    ),
    Bug(
        "adopt as found",
        "a recovered record is agreed with as it is",
        _swap(recover, "_adopt", sabotage.found_is_base),
        seed=17,
        scenes=frozenset({"creation without an answer, then an edit"}),
    ),
    Bug(
        "base is what was sent",
        "a normalised value is taken for an edit",
        _swap(believe, "_agreed", sabotage.sent_is_base),
        seed=108,
        scenes=frozenset({"edit of what a system rewrites"}),
        quirks=frozenset({"normalise"}),
    ),
    Bug(
        "loser not told",
        "who lost a conflict is not written to",
        _swap(merge, "_accepted", sabotage.loser_content),
        seed=18,
        scenes=frozenset({"contradiction"}),
    ),
    Bug(
        "own create is foreign",
        "records turn up while their creation is not settled",
        _swap(linking, "_being_made", sabotage.nothing_open),
        seed=652,
        scenes=frozenset({"creation without an answer, then an edit"}),
        systems=frozenset({"custom_pms"}),
    ),
    Bug(
        "cursor before rows",
        "a cursor is committed before what it stands for",
        _swap(ask, "collect", sabotage.cursor_first),
        seed=16,
        scenes=frozenset({"crash while reading"}),
    ),
    Bug(
        "update surely happened",
        "an update without an answer is taken for done",
        _swap(Resolver, "_update", sabotage.surely_happened),
        seed=13,
        scenes=frozenset({"update that never arrives"}),
    ),
    Bug(
        "taken back, by value",
        "a lost update that was taken back is taken for undone",
        _swap(Resolver, "_update", sabotage.by_value_alone),
        seed=3,
        scenes=frozenset({"update without an answer, taken back"}),
    ),
    Bug(
        "taken back, in part",
        "a lost update of which a part was taken back is taken for undecided",
        _swap(Resolver, "_took_some", lambda *_: False),
        seed=49,
        scenes=frozenset({"update without an answer, taken back"}),
    ),
    Bug(
        "same second",
        "an edit with the stamp of the last one is dropped",
        _swap(merging, "merge", sabotage.same_second),
        seed=276,
        scenes=frozenset({"edit again after it was seen"}),
        quirks=frozenset({"coarse"}),
    ),
    Bug(
        "stale list believed",
        "a list that lags behind overwrites what is known",
        _swap(collect, "older", sabotage.nothing_older),
        seed=60,
        scenes=frozenset({"edit in a pause"}),
        quirks=frozenset({"lag"}),
    ),
    Bug(
        "resurrection",
        "a deleted record is made again",
        _swap(planning, "plan", sabotage.no_tombstones),
        seed=60,
        scenes=frozenset({"deletion"}),
    ),
    Bug(
        "no condition",
        "records are made for which no condition holds",
        _swap(plan, "allowed", sabotage.all_allowed),
        seed=20,
        upheavals=frozenset({"condition added"}),
    ),
    Bug(
        "base of another",
        "an edit is compared with the base of another record",
        _swap(cells, "wide", sabotage.by_shape),
        seed=103,
        scenes=frozenset({"guest"}),
    ),
    Bug(
        "no guard",
        "what was done to many records is told without a person's word",
        _swap(planning, "guard", sabotage.unguarded),
        seed=5,
        is_guarded=True,
    ),
    Bug(
        "no intent",
        "a write leaves before its intent is safe",
        _swap(deliver, "remember", sabotage.never_remembered),
        seed=1,
    ),
    Bug(
        "wet dry run",
        "a dry run writes",
        _swap(cycles, "cycle", sabotage.dry_is_wet),
        seed=35,
        scenes=frozenset({"dry run"}),
    ),
    Bug(
        "nobody is named",
        "a reference to a record that was not read yet counts as empty",
        _swap(said, "PENDING", None),
        seed=320,
        scenes=frozenset({"newcomer"}),
    ),
    Bug(
        "parts apart",
        "of an edited text, the parts that are as they were are not heard",
        _swap(hear, "_was_parted", lambda *_: pl.lit(value=False)),
        seed=1559,
        scenes=frozenset({"renamed"}),
        systems=frozenset({"invoiced", "poweroffice_go"}),
    ),
    Bug(
        "always mapped",
        "of a property that was not mapped, what it held counts as agreed on",
        _swap(cells, "mapped_in", sabotage.all_mapped),
        seed=537,
        upheavals=frozenset({ROW_AWAY}),
    ),
    Bug(
        "names stay behind",
        "what names a record that a person told apart is left as it is",
        _swap(deciding, "part", sabotage.nobody_names),
        seed=274,
        scenes=frozenset({"part"}),
    ),
    Bug(
        "nothing is awaited",
        "what a system that was never read could tell of is made before it was",
        _swap(unread, "could_tell", lambda *_: ()),
        seed=13,
        upheavals=frozenset({LATE}),
    ),
    Bug(
        "called otherwise",
        "what was agreed on a field is forgotten once documents call it otherwise",
        _swap(world, "carry_over", lambda *_: None),
        seed=261,
        upheavals=frozenset({REORDERED}),
    ),
    Bug(
        "linked already",
        "a rule that is new joins nothing that others have linked",
        _swap(linking, "_new_among", lambda *_: []),
        seed=100372,
        upheavals=frozenset({FEWER}),
    ),
    Bug(
        "counts always",
        "what counts only while something else is so is written at any time",
        _swap(plan, "told_where_it_counts", lambda due, *_: due, planning),
        seed=2,
        scenes=frozenset({"toggled"}),
    ),
    Bug(
        "said already",
        "an edit is told to nobody where a changed value map makes of it what was agreed",
        _swap(merge, "_accepted", sabotage.told_before),
        seed=12412,
        scenes=frozenset({"spoken"}),
        systems=frozenset({"custom_erp", "custom_pms", "poweroffice_go"}),
        upheavals=frozenset({REWORDED}),
    ),
    Bug(
        "refused, and again",
        "a refused write is tried again and again",
        _swap(planning, "_quarantined", lambda _, due: due),
        seed=178,
        upheavals=frozenset({REFUSED}),
    ),
    Bug(
        "no condition any more",
        "records are made for which a condition no longer holds",
        _swap(plan, "allowed", sabotage.all_allowed),
        seed=466,
        scenes=frozenset({"conditioned"}),
    ),
)


@dataclass(frozen=True)
class Hunt:
    """How a planted bug was found, or not."""

    bug: str
    words: str
    schedules: int
    seed: int | None = None
    invariant: str | None = None
    told: str = ""


@contextmanager
def planted(bug: Bug) -> Iterator[None]:
    with ExitStack() as stack:
        bug.plant(stack)
        yield


def hunt(bug: Bug, specs: Path, budget: int = BUDGET, first: int = 1) -> Hunt:
    """Seed after seed, until one shows the bug."""
    for number, schedule in enumerate(islice(_fitting(bug, specs, first), budget), 1):
        if found := caught(bug, schedule):
            return Hunt(bug.name, bug.words, number, schedule.seed, *found)
    return Hunt(bug.name, bug.words, budget)


def caught(bug: Bug, schedule: Schedule) -> tuple[str, str] | None:
    """The promise that a schedule breaks with the bug, and keeps without it."""
    with planted(bug):
        outcome = play(schedule)
    # An engine that falls over breaks no promise, it only shows that the bug does not fit into it any more.
    broken = [(promise, story) for promise, story in outcome.violations if promise != "I0"]
    # A seed that fails without the bug as well says nothing about the bug.
    return broken[0] if broken and not play(schedule).violations else None


def _fitting(bug: Bug, specs: Path, first: int) -> Iterator[Schedule]:
    return filter(bug.fits, (draw(seed, specs) for seed in count(first)))


def hunts(specs: Path, jobs: int = 1, budget: int = BUDGET, first: int = 1) -> Iterator[Hunt]:
    """All planted bugs."""
    yield from each([(bug.name, specs, budget, first) for bug in BUGS], _hunt, jobs)


def _hunt(work: tuple[str, Path, int, int]) -> Hunt:
    name, specs, budget, first = work
    return hunt(next(bug for bug in BUGS if bug.name == name), specs, budget, first)
