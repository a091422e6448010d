"""Pages of JSON → records: what is new, what changed, what is gone. Rows and cursor are one commit."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from talk_assets.hub import ROW_GROUP
from talk_assets.hub.tables import cursors, members, records
from talk_assets.sync.arriving.blot import blotted
from talk_assets.sync.arriving.erased import without_erased
from talk_assets.sync.arriving.past import left_aside, older, put_back, take_back
from talk_assets.sync.arriving.place import address, require_known
from talk_assets.sync.burial import MISSING, bury, bury_reused
from talk_assets.sync.doubt.unread import MANY, READING, hashes
from talk_assets.sync.skew import note_skew, skew_of
from talk_assets.sync.world import World
from talk_assets.systems import strict_json
from talk_assets.systems.errors import SystemsError
from talk_assets.systems.reading.likeness import Steps
from talk_assets.systems.reading.listing import Listing, Page
from talk_assets.systems.reading.reader import Found, Gone
from talk_assets.systems.reading.rows import Quarantined

BATCH = 3 * ROW_GROUP
"""Records of one commit: whole groups of rows go to their place at once, and not through the log."""
_BATCH_CHARACTERS = 128 << 20
"""Of their texts, where records are long."""
SHRUNK = 0.8
"""A complete listing with less than this share of what was known says nothing about what is missing."""
PROOFS = 2
_FEW = 200
"""Rows for which it takes next to nothing to see whether any is news."""
_NONE = pl.DataFrame(schema={"entity": pl.String, "id": pl.String, "is_new": pl.Boolean})
_LOOKS = 200
"""By-id looks at missing records in one run."""
_FAILED_LOOKS = 3
"""After so many that fail, the others of this run would as well."""
_NAMELESS = "?"
_SHOWN = 3


@dataclass(frozen=True)
class Collected:
    entity: str
    pages: int
    seen: int
    new: int
    changed: int
    gone: int
    complete: bool
    problems: tuple[str, ...] = ()


class Asked:
    """A list of an entity, of which nothing is kept yet. Its first page may be fetched while others are kept."""

    def __init__(self, world: World, key: str, *, full: bool) -> None:
        name = key.split(".", 1)[1]
        connection = world.connection(key)
        self.reader = connection.reader(name)
        self.before: Mapping[str, Any] = cursors.position(world.hub, f"{READING}{key}") or {}
        self.since = None if full or _was_set(world, key, self.before.get("swept_at")) else self.before.get("since")
        self.ahead = min(world.ahead, connection.client_spec(name).limits.concurrency - 1)
        self.listing = self.reader.changes(self.since, ahead=self.ahead) if self.since else self.reader.sweep(ahead=self.ahead)
        self.started = world.clock.now()
        """When the first page was asked for."""
        self.seconds = 0.0
        """What it took."""
        self._clock = world.clock
        self._pages = iter(self.listing)
        self._first: Future[Page | None] | None = None

    def begin(self, thread: ThreadPoolExecutor) -> None:
        self._first = thread.submit(self._begin)

    def cancel(self) -> None:
        """Nobody wants it any more."""
        if self._first:
            self._first.cancel()

    def _begin(self) -> Page | None:
        self.started = self._clock.now()
        began = self._clock.monotonic()
        try:
            return next(self._pages, None)
        finally:
            self.seconds = self._clock.monotonic() - began

    def pages(self) -> Iterator[Page]:
        first = self._first.result() if self._first else self._begin()
        if first is not None:
            yield first
            yield from self._pages


def collect(world: World, key: str, *, full: bool = False, asked: Asked | None = None) -> Collected:
    """Read one entity: its changes, or all of it where the API cannot tell or `full` is asked for. What its system says about
    a failure names nobody.
    """
    try:
        return _collect(world, key, asked or Asked(world, key, full=full))
    except SystemsError as failure:
        failure.args = (blotted(world, str(failure)), *failure.args[1:])
        raise


def _collect(world: World, key: str, asked: Asked) -> Collected:
    consumer = f"{READING}{key}"
    before, since, reader, listing = asked.before, asked.since, asked.reader, asked.listing
    seen: list[pl.DataFrame] = []
    new = changed = 0
    position = before or None
    at = address(world, key)

    def keep(batch: _Batch) -> pl.DataFrame:
        # Most lists of most cycles bring nothing: they cost one question.
        is_nothing = 0 < batch.rows.height <= _FEW and _news(world, key, batch, asked.started).is_empty()
        if not (is_nothing or seen):
            require_known(world, key, batch.rows["id"], has_moved=before.get("at", at) != at)
        note_skew(world.hub, world.entity(key).system, reader.skew)
        fresh = _NONE if is_nothing else world.hub.run(lambda: _keep(world, key, batch, asked.started), consumer)
        world.hub.rest()
        return fresh

    world.hub.rest()
    for batch, fresh in _meanwhile(keep, _batches(asked.pages()), side_by_side=asked.ahead > 0):
        new += int(fresh["is_new"].sum())
        changed += int((~fresh["is_new"]).sum())
        seen.append(batch.rows.select("id"))
    ids = pl.concat([pl.DataFrame(schema={"id": pl.String}), *seen])
    problems = [*listing.problems, *_told(listing.unreadable)]
    unreadable = _unreadable(before, listing, ids["id"], is_all=listing.whole and not since)
    gone = 0
    count = before.get("count", 0)
    looked_at = before.get("looked_at", "")
    if listing.complete and not since:
        listed = ids.height + len(listing.unreadable)
        if listed < SHRUNK * count or (count and not listed):
            problems.append(f"only {listed} of {count} records are listed; nothing is taken for deleted")
        elif any(bad.id is None for bad in listing.unreadable):
            problems.append("records without an id are listed; nothing is taken for deleted")
        else:
            named = pl.concat([ids, pl.DataFrame({"id": [bad.id for bad in listing.unreadable]}, schema=ids.schema)])
            gone, looked_at = _missing(world, key, named, looked_at, problems)
            count = listed
    told = tuple(blotted(world, problem) for problem in problems)
    is_swept = listing.whole and not since
    is_too_much = len(unreadable) > MANY
    after = {
        # A sweep that broke off takes nothing back: what changed since the last whole reading is told all the same.
        "since": None if is_too_much else listing.cursor if since or is_swept else before.get("since"),
        "count": count,
        "swept_at": asked.started.isoformat() if is_swept else before.get("swept_at"),
        "at": at,
        **({"broken": told[0]} if not listing.whole or is_too_much else {}),
        **({"unreadable": unreadable} if unreadable and not is_too_much else {}),
        **({"looked_at": looked_at} if looked_at else {}),
    }
    if after != position:
        world.hub.run(lambda: cursors.move(world.hub, consumer, expected=position, to=after), consumer)
    return Collected(key, listing.pages, ids.height, new, changed, gone, listing.complete, told)


def _told(unreadable: Sequence[Quarantined]) -> list[str]:
    """Those that cannot be read, by reason."""
    named: dict[str, list[str]] = {}
    for bad in unreadable:
        named.setdefault(bad.reason, []).append(bad.id or "one without an id")
    return [
        f"{len(ids)} records are left out, {', '.join(ids[:_SHOWN])}{', …' if len(ids) > _SHOWN else ''}: {reason}"
        for reason, ids in named.items()
    ]


def _unreadable(before: Mapping[str, Any], listing: Listing, read: pl.Series, *, is_all: bool) -> dict[str, Any]:
    """The records that were there and could not be read, when they were last listed, by their ids."""
    earlier = {} if is_all else before.get("unreadable", {})
    seen = set(read.filter(read.is_in(list(earlier)))) if earlier else set()
    found = {id_: held for id_, held in earlier.items() if id_ not in seen}
    for bad in listing.unreadable[: MANY + 1]:
        id_ = bad.id or f"{_NAMELESS}{len(found)}"
        found[id_] = {"why": bad.reason, "held": hashes(bad.text)}
    return found


def _was_set(world: World, key: str, swept_at: str | None) -> bool:
    """Since it was last read whole, its server's clock was set: what was edited since is told by stamps of another time."""
    since = skew_of(world.hub, world.entity(key).system).since
    return since is not None and swept_at is not None and datetime.fromisoformat(swept_at).replace(tzinfo=None) < since


@dataclass(frozen=True)
class _Batch:
    """Records that are kept together."""

    rows: pl.DataFrame
    paths: frozenset[Steps] | None
    """The members that each has, as `Rows` tells of one page."""
    is_last: bool


def _batches(pages: Iterator[Page]) -> Iterator[_Batch]:
    waiting: list[Page] = []
    size = characters = 0
    for page in pages:
        if size + len(page) > BATCH or characters > _BATCH_CHARACTERS:
            yield _batch(waiting, is_last=False)
            waiting, size, characters = [], 0, 0
        waiting.append(page)
        size += len(page)
        characters += sum(map(len, page.texts))
    if waiting:
        yield _batch(waiting, is_last=True)


def _meanwhile(
    keep: Callable[[_Batch], pl.DataFrame], batches: Iterator[_Batch], *, side_by_side: bool
) -> Iterator[tuple[_Batch, pl.DataFrame]]:
    """Each batch with what was kept of it; one is kept while the pages of the next are read."""
    if not side_by_side:
        yield from ((batch, keep(batch)) for batch in batches)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="keep") as keeper:
        under_way: list[tuple[_Batch, Future[pl.DataFrame]]] = []
        for batch in batches:
            yield from ((one, kept.result()) for one, kept in under_way)
            if batch.is_last:
                yield batch, keep(batch)
            else:
                under_way = [(batch, keeper.submit(keep, batch))]


def _batch(pages: list[Page], *, is_last: bool) -> _Batch:
    rows = pl.DataFrame(
        {
            "id": [one for page in pages for one in page.ids],
            "digest": pl.Series([one for page in pages for one in page.digests], dtype=pl.UInt64),
            "body": [one for page in pages for one in page.texts],
            "modified": pl.Series([one for page in pages for one in page.stamps], dtype=pl.String),
        },
        schema_overrides={"id": pl.String, "body": pl.String},
    )
    paths = {page.paths for page in pages if len(page)}
    return _Batch(rows, paths.pop() if len(paths) == 1 else None, is_last)


def _news(world: World, key: str, batch: _Batch, started: datetime) -> pl.DataFrame:
    rows = batch.rows.with_columns(entity=pl.lit(key), listed_at=pl.lit(started.replace(tzinfo=None), pl.Datetime("us")))
    return records.news(world.hub, rows)


def _keep(world: World, key: str, batch: _Batch, started: datetime) -> pl.DataFrame:
    fresh = without_erased(world, key, _news(world, key, batch, started))
    if fresh.is_empty():
        return fresh.select("entity", "id", "is_new")
    described = world.describe(key, fresh, batch.paths)
    reused = bury_reused(world, key, described.filter(~pl.col("is_new")))
    described = described.join(
        reused.with_columns(anew=True), on=["entity", "id"], how="left", maintain_order="left"
    ).with_columns(is_new=pl.col("is_new") | pl.col("anew").fill_null(value=False))
    known = described.filter(~pl.col("is_new"))
    past = older(world, key, known, started)
    went_back = described.join(past.filter(~pl.col("lags")), on=["entity", "id"], how="semi")
    back = put_back(world, key, went_back, batch.rows.height - int(fresh["is_new"].sum()))
    aside = left_aside(world, key, known)
    kept = records.keep(world.hub, described.drop("anew").join(past.filter("lags"), on=["entity", "id"], how="anti"))
    take_back(world, key, back)
    members.agree(world.hub, aside.select("entity", "id", "shape", base="vals"))
    return kept


def _missing(world: World, key: str, listed: pl.DataFrame, looked_at: str, problems: list[str]) -> tuple[int, str]:
    """Records that a complete listing does not name are looked up; one that is gone twice, in two runs, is buried. Gives how
    many were, and the id that the next run goes on after where they are too many for one.
    """
    gone: list[tuple[str, int]] = []
    reader = world.connection(key).reader(key.split(".", 1)[1])
    absent = records.unlisted(world.hub, key, listed)
    if reader.entity.get is None:
        gone = list(absent.select("id", pl.col("missed") + 1).iter_rows())
        looked_at = ""
    else:
        # First those that were missed before; of the others, in turn, since some are never listed and always there.
        turn = absent.sort(pl.col("missed") == 0, pl.col("id") <= looked_at, "id").head(_LOOKS)
        bodies = dict(records.of(world.hub, turn, ["id", "body"]).iter_rows())
        world.hub.rest()
        failed = 0
        for id_, missed in turn.select("id", "missed").iter_rows():
            try:
                found = reader.one(id_, _values(bodies.get(id_)))
            except SystemsError as failure:
                problems.append(f"{id_} is not listed and cannot be looked up: {failure}")
                failed += 1
                if failed == _FAILED_LOOKS:
                    break
                continue
            if isinstance(found, Gone) or (isinstance(found, Found) and not found.belongs):
                gone.append((id_, missed + 1))
        looked_at = turn["id"][-1] if absent.height > _LOOKS else ""
    proven = [id_ for id_, times in gone if times >= PROOFS]
    if gone:
        world.hub.run(lambda: _note_missing(world, key, gone, proven), f"missing {key}")
    return len(proven), looked_at


def _values(body: str | None) -> Any:
    return strict_json.loads(body) if body else None


def _note_missing(world: World, key: str, gone: list[tuple[str, int]], proven: list[str]) -> None:
    hub = world.hub
    now = hub.now()
    suspects = [(key, id_, times, now) for id_, times in gone if id_ not in proven]
    schema = {"entity": pl.String, "id": pl.String, "missed": pl.Int32, "missed_at": pl.Datetime("us")}
    records.miss(hub, pl.DataFrame(suspects, schema=schema, orient="row"))
    bury(
        world,
        pl.DataFrame({"entity": [key] * len(proven), "id": proven}, schema={"entity": pl.String, "id": pl.String}),
        MISSING,
    )
