"""Bugs put into the engine on purpose: a simulator that does not find them proves nothing about those it does not know."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl

from talk_assets.hub import members, records
from talk_assets.simulate.campaign import each
from talk_assets.simulate.schedule import Schedule, draw
from talk_assets.simulate.trial import play
from talk_assets.sync import collect, deliver, linking, merge, merging, plan, planning
from talk_assets.sync import cycle as cycles
from talk_assets.systems import delivery, stamps
from talk_assets.systems.resolve import Fate, Resolution, Resolver
from talk_assets.systems.retry import Retrying

BUDGET = 60
"""Seeds in which a bug must show."""


@dataclass(frozen=True)
class Bug:
    name: str
    words: str
    plant: Callable[[ExitStack], None]
    first: int = 1
    """A seed from which on it shows early."""
    needs: frozenset[str] = frozenset()
    """Trouble without which it cannot show; schedules without it are passed over."""


def _swap(where: Any, name: str, bad: Any) -> Callable[[ExitStack], None]:
    return lambda stack: stack.enter_context(patch.object(where, name, bad))


def _never_looked(self: Resolver, *_: Any, **__: Any) -> Resolution:
    del self
    return Resolution(Fate.absent, "nobody looked")


_run = Retrying.run


def _nothing_open(_hub: Any) -> pl.Series:
    return pl.Series([], dtype=pl.String)


def _retry_everything(self: Retrying, send: Any, kind: str) -> Any:
    del kind
    return _run(self, send, "read")


def _buried_at_once(world: Any, key: str, listed: pl.DataFrame) -> int:
    absent = records.unlisted(world.hub, key, listed)["id"].to_list()
    world.hub.run(lambda: collect._note_missing(world, key, [(id_, 9) for id_ in absent], absent), f"missing {key}")  # noqa: SLF001
    return len(absent)


_merge = merge.merge


def _last_arrival(cells: pl.DataFrame, golden: pl.DataFrame) -> merge.Merged:
    """Whoever is not agreed yet has come last."""
    never = pl.lit(None, pl.Datetime("us"))
    return _merge(cells.with_columns(edited_at=never), golden.with_columns(edited_at=never))


def _found_is_base(world: Any, intent: Any, record: Any) -> None:
    deliver._believe(world, [(intent, record)])  # noqa: SLF001
    base = records.of(world.hub, pl.DataFrame({"entity": [intent.change.entity], "id": [record.id]}))
    members.agree(world.hub, base.select("entity", "id", "shape", base="vals"))


_rebase = deliver._rebase  # noqa: SLF001


def _sent_is_base(world: Any, columns: Any, key: str, pairs: Any, described: pl.DataFrame) -> None:
    sent = {record.id: intent.change.after for intent, record in pairs}
    values = [
        [sent[id_].get(path, value) for path, value in zip(columns, vals, strict=True)]
        for id_, vals in zip(described["id"], described["vals"].to_list(), strict=True)
    ]
    _rebase(world, columns, key, pairs, described.with_columns(vals=pl.Series(values, dtype=pl.List(pl.String))))


_accepted = merge._accepted  # noqa: SLF001


def _loser_content(cells: pl.DataFrame, agreed: pl.DataFrame) -> pl.DataFrame:
    """As if whoever spoke had heard the answer."""
    versions = agreed.select("cluster", "field", "version")
    return (
        _accepted(cells, agreed)
        .join(versions, on=["cluster", "field"], how="left")
        .with_columns(accepted=pl.when(cells["has_base"]).then(pl.col("version").fill_null(0)).otherwise("accepted"))
        .drop("version")
    )


_collect, _keep = collect.collect, collect._keep  # noqa: SLF001


def _cursor_first(world: Any, key: str, *, full: bool = False) -> collect.Collected:
    late: list[tuple[Any, ...]] = []

    def later(world: Any, key: str, batch: pl.DataFrame, started: Any) -> pl.DataFrame:
        late.append((world, key, batch, started))
        return pl.DataFrame(schema={"entity": pl.String, "id": pl.String, "is_new": pl.Boolean})

    with patch.object(collect, "_keep", later):
        found = _collect(world, key, full=full)
    for rows in late:
        world.hub.run(lambda rows=rows: _keep(*rows), "late")
    return found


def _nothing_outdated(_world: Any, _key: str, rows: pl.DataFrame, _started: Any) -> pl.DataFrame:
    return rows.select("entity", "id").clear()


def _surely_happened(self: Resolver, prepared: Any) -> Resolution:
    del self, prepared
    return Resolution(Fate.happened, "it must have happened", None)


def _same_second(cells: pl.DataFrame, golden: pl.DataFrame) -> merge.Merged:
    """An edit that is no newer than what its own system said last is taken for the same edit."""
    old = golden.select("cluster", "field", "id", "entity", old_at="edited_at", old="value")
    known = cells.join(old, on=["cluster", "field", "entity", "id"], how="left", maintain_order="left")
    same = (known["edited_at"] <= known["old_at"]).fill_null(value=False) & known["old_at"].is_not_null()
    return _merge(cells.with_columns(base=pl.when(same).then("value").otherwise("base")), golden)


_since = stamps.since


def _no_overlap(cursor: str, asked: Any, zone: Any) -> Any:
    return _since(cursor, asked.model_copy(update={"overlap_seconds": 0}), zone)


_plan = plan.plan


def _no_tombstones(desired: pl.DataFrame, known: plan.Known, model: Any) -> pl.DataFrame:
    return _plan(desired, replace(known, tombstones=known.tombstones.clear()), model)


def _never_remembered(world: Any, armed: Any, state: str) -> None:
    del world, armed, state


def _dry_is_wet(world: Any, *, dry: bool = False, **how: Any) -> Any:
    del dry
    return _cycle(world, **how)


_cycle = cycles.cycle


BUGS: tuple[Bug, ...] = (
    Bug(
        "create again, unlooked",
        "a create without an answer is taken for undone",
        _swap(Resolver, "_create", _never_looked),
        needs=frozenset({"lost after"}),
    ),
    Bug(
        "retry a create",
        "a POST without an answer is sent again at once",
        _swap(Retrying, "run", _retry_everything),
        needs=frozenset({"lost after"}),
    ),
    Bug("no compare", "a record is written without looking what is in it", _swap(delivery, "unchanged", lambda *_: True)),
    Bug(
        "unlisted is deleted",
        "what a list does not name is taken for deleted",
        _swap(collect, "_missing", _buried_at_once),
        needs=frozenset({"shrink"}),
    ),
    Bug(
        "last arrival wins",
        "stamps do not decide between edits",
        _swap(merging, "merge", _last_arrival),
        needs=frozenset({"again"}),
    ),
    Bug(
        "no overlap",
        "a list of changes starts where the last one ended",
        _swap(stamps, "since", _no_overlap),
        needs=frozenset({"coarse"}),
    ),
    Bug(
        "adopt as found",
        "a recovered record is agreed with as it is",
        _swap(deliver, "_adopt", _found_is_base),
        needs=frozenset({"lost after"}),
    ),
    Bug(
        "base is what was sent",
        "a normalised value is taken for an edit",
        _swap(deliver, "_rebase", _sent_is_base),
        needs=frozenset({"normalise"}),
    ),
    Bug("loser not told", "who lost a conflict is not written to", _swap(merge, "_accepted", _loser_content)),
    Bug(
        "own create is foreign",
        "records turn up while their creation is not settled",
        _swap(linking, "_being_made", _nothing_open),
        needs=frozenset({"lost after"}),
    ),
    Bug(
        "cursor before rows",
        "a cursor is committed before what it stands for",
        _swap(cycles, "collect", _cursor_first),
        needs=frozenset({"crash"}),
    ),
    Bug(
        "update surely happened",
        "an update without an answer is taken for done",
        _swap(Resolver, "_update", _surely_happened),
        needs=frozenset({"lost before"}),
    ),
    Bug(
        "same second",
        "an edit with the stamp of the last one is dropped",
        _swap(merging, "merge", _same_second),
        needs=frozenset({"twice", "coarse"}),
    ),
    Bug(
        "stale list believed",
        "a list that lags behind overwrites what is known",
        _swap(collect, "_outdated", _nothing_outdated),
        needs=frozenset({"lag"}),
    ),
    Bug("resurrection", "a deleted record is made again", _swap(planning, "plan", _no_tombstones), needs=frozenset({"delete"})),
    Bug("no intent", "a write leaves before its intent is safe", _swap(deliver, "_remember", _never_remembered)),
    Bug("wet dry run", "a dry run writes", _swap(cycles, "cycle", _dry_is_wet), needs=frozenset({"dry run"})),
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


def hunt(bug: Bug, specs: Path, budget: int = BUDGET) -> Hunt:
    """Seed after seed, until one shows the bug."""
    for number, schedule in enumerate(islice(_fitting(bug, specs), budget), 1):
        with planted(bug):
            outcome = play(schedule)
        # A seed that fails without the bug as well says nothing about the bug.
        if outcome.violations and not play(schedule).violations:
            invariant, told = outcome.violations[0]
            return Hunt(bug.name, bug.words, number, outcome.seed, invariant, told)
    return Hunt(bug.name, bug.words, budget)


def _fitting(bug: Bug, specs: Path) -> Iterator[Schedule]:
    for seed in count(bug.first):
        schedule = draw(seed, specs)
        if bug.needs <= {word for event in schedule.events for word in (event.kind, event.what)}:
            yield schedule


def hunts(specs: Path, jobs: int = 1, budget: int = BUDGET) -> Iterator[Hunt]:
    """All planted bugs."""
    yield from each([(bug.name, specs, budget) for bug in BUGS], _hunt, jobs)


def _hunt(work: tuple[str, Path, int]) -> Hunt:
    name, specs, budget = work
    return hunt(next(bug for bug in BUGS if bug.name == name), specs, budget)
