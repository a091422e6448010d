"""Pages of JSON → records: what is new, what changed, what is gone. Rows and cursor are one commit."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from talk_assets.hub import ROW_GROUP, cells, cursors, history, members, records, shapes
from talk_assets.sync.blot import blotted
from talk_assets.sync.burial import MISSING, bury, bury_reused
from talk_assets.sync.erased import without_erased
from talk_assets.sync.place import address, require_known
from talk_assets.sync.skew import note_skew, skew_of
from talk_assets.sync.unread import MANY, READING, hashes
from talk_assets.sync.values import ABSENT
from talk_assets.sync.world import World, moments
from talk_assets.systems import strict_json
from talk_assets.systems.errors import SystemsError
from talk_assets.systems.likeness import Steps
from talk_assets.systems.listing import Listing, Page
from talk_assets.systems.reading import Found, Gone
from talk_assets.systems.rows import Quarantined

BATCH = 3 * ROW_GROUP
"""Records of one commit: whole groups of rows go to their place at once, and not through the log."""
_BATCH_CHARACTERS = 128 << 20
"""Of their texts, where records are long."""
SHRUNK = 0.8
"""A complete listing with less than this share of what was known says nothing about what is missing."""
PROOFS = 2
_FEW_BACK = 5
_SHARE_BACK = 0.2
"""More records than these two say do not go back in time because a clock was set."""
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


def collect(world: World, key: str, *, full: bool = False) -> Collected:
    """Read one entity: its changes, or all of it where the API cannot tell or `full` is asked for. What its system says about
    a failure names nobody.
    """
    try:
        return _collect(world, key, full=full)
    except SystemsError as failure:
        failure.args = (blotted(world, str(failure)), *failure.args[1:])
        raise


def _collect(world: World, key: str, *, full: bool) -> Collected:
    consumer = f"{READING}{key}"
    before = cursors.position(world.hub, consumer) or {}
    reader = world.connection(key).reader(key.split(".", 1)[1])
    since = None if full or _was_set(world, key, before.get("swept_at")) else before.get("since")
    started = world.clock.now()
    ahead = min(world.ahead, world.connection(key).client_spec(key.split(".", 1)[1]).limits.concurrency - 1)
    listing = reader.changes(since, ahead=ahead) if since else reader.sweep(ahead=ahead)
    seen: list[pl.DataFrame] = []
    new = changed = 0
    position: dict[str, Any] | None = before or None
    at = address(world, key)

    def keep(batch: _Batch) -> pl.DataFrame:
        if not seen:
            require_known(world, key, batch.rows["id"], has_moved=before.get("at", at) != at)
        note_skew(world.hub, world.entity(key).system, reader.skew)
        fresh = world.hub.run(lambda: _keep(world, key, batch, started), consumer)
        world.hub.rest()
        return fresh

    world.hub.rest()
    for batch, fresh in _meanwhile(keep, _batches(listing), side_by_side=ahead > 0):
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
        "swept_at": started.isoformat() if is_swept else before.get("swept_at"),
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
    seen = set(read)
    found = {} if is_all else {id_: held for id_, held in before.get("unreadable", {}).items() if id_ not in seen}
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


def _batches(listing: Listing) -> Iterator[_Batch]:
    waiting: list[Page] = []
    size = characters = 0
    for page in listing:
        if size + len(page) > BATCH or characters > _BATCH_CHARACTERS:
            yield _batch(waiting)
            waiting, size, characters = [], 0, 0
        waiting.append(page)
        size += len(page)
        characters += sum(map(len, page.texts))
    if waiting:
        yield _batch(waiting)


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
            under_way = [(batch, keeper.submit(keep, batch))]
        yield from ((one, kept.result()) for one, kept in under_way)


def _batch(pages: list[Page]) -> _Batch:
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
    return _Batch(rows, paths.pop() if len(paths) == 1 else None)


def _keep(world: World, key: str, batch: _Batch, started: Any) -> pl.DataFrame:
    rows = batch.rows.with_columns(entity=pl.lit(key), listed_at=pl.lit(started.replace(tzinfo=None), pl.Datetime("us")))
    fresh = without_erased(world, key, records.news(world.hub, rows))
    if fresh.is_empty():
        return fresh.select("entity", "id", "is_new")
    described = world.describe(key, fresh, batch.paths)
    reused = bury_reused(world, key, described.filter(~pl.col("is_new")))
    described = described.join(
        reused.with_columns(anew=True), on=["entity", "id"], how="left", maintain_order="left"
    ).with_columns(is_new=pl.col("is_new") | pl.col("anew").fill_null(value=False))
    older = _older(world, key, described.filter(~pl.col("is_new")), started)
    went_back = described.join(older.filter(~pl.col("lags")), on=["entity", "id"], how="semi")
    put_back = _put_back(world, key, went_back, batch.rows.height - int(fresh["is_new"].sum()))
    left_aside = _left_aside(world, key, described.filter(~pl.col("is_new")))
    kept = records.keep(world.hub, described.drop("anew").join(older.filter("lags"), on=["entity", "id"], how="anti"))
    _take_back(world, key, put_back)
    members.agree(world.hub, left_aside.select("entity", "id", "shape", base="vals"))
    return kept


def _older(world: World, key: str, rows: pl.DataFrame, started: Any) -> pl.DataFrame:
    """Rows that show a record as it was before what we know: older by its own stamp, or listed while our write sinks in. One
    that is older than what its system has shown to all for long does not lag: it was put back, or edited by a clock that was.
    """
    zone = world.entity(key).ref.system.time_zone
    stored = records.of(world.hub, rows, ["entity", "id", "edited_at", "modified", "listed_at", "written_at"])
    known = stored.with_columns(was=moments(stored["modified"], zone)).drop("modified")
    known = known.rename({"edited_at": "known_at", "listed_at": "known_since"})
    client = world.connection(key).client_spec(key.split(".", 1)[1])
    began = started.replace(tzinfo=None)
    settled = began - timedelta(seconds=client.visibility_seconds)
    # By its server's clock too: what we measure of that is a little off, and may have been corrected since.
    older = (pl.col("edited_at") < pl.col("known_at")) & (pl.col("now") < pl.col("was"))
    not_newer = (pl.col("edited_at") <= pl.col("known_at")) & (pl.col("now") <= pl.col("was"))
    # What is later than now was told by a clock of ours that has been set back since.
    sinking = pl.col("written_at").is_between(settled, began, closed="right").fill_null(value=False)
    just_seen = pl.col("known_since").is_between(settled, began, closed="right").fill_null(value=True)
    return (
        rows.select("entity", "id", "edited_at", now=moments(rows["modified"], zone))
        .join(known, on=["entity", "id"])
        .filter(older | (sinking & not_newer.fill_null(value=True)))
        .select("entity", "id", lags=sinking | just_seen)
    )


def _put_back(world: World, key: str, rows: pl.DataFrame, known: int) -> pl.DataFrame:
    """Of records that are older than what they last showed, by their own stamps, those whose system was put back: many at once,
    or what they held before. With anything else in it, it is an edit by a clock that was set.
    """
    if rows.height > max(_FEW_BACK, _SHARE_BACK * known):
        return rows
    return _as_before(world, key, rows)


def _left_aside(world: World, key: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Records that took a write, by their answers, and show what they held before it with the stamp that they had: their
    systems left it aside. Nobody edited them.
    """
    path = world.entity(key).spec.modified
    if path is None or rows.is_empty():
        return rows.clear()
    stamp = pl.col("body").str.json_path_match("$" + "".join(f'["{step}"]' for step in path.split(".")))
    stored = records.of(world.hub, rows, ["entity", "id", "body", "modified", "written_at"])
    assumed = stored.filter(pl.col("modified").is_null() & pl.col("written_at").is_not_null())
    unmoved = rows.join(assumed.select("entity", "id", was=stamp), on=["entity", "id"], maintain_order="left")
    return _as_before(world, key, unmoved.filter(pl.col("modified") == pl.col("was")).drop("was"))


def _as_before(world: World, key: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Those that hold, wherever they differ from what is known of them, what they held before."""
    if rows.is_empty():
        return rows
    columns, known_shapes = world.entity(key).columns, shapes.shapes(world.hub)
    stored = records.of(world.hub, rows, ["entity", "id", "shape", "vals"])
    texts = [cells.wide(part, "vals", known_shapes, columns, ABSENT) for part in (stored, rows)]
    was, now = ({row["#id"]: row for row in part.iter_rows(named=True)} for part in texts)
    held: dict[str, set[str | None]] = {id_: set() for id_ in now}
    for id_, before in history.about(world.hub, rows).filter(pl.col("path").is_not_null()).select("id", "before").iter_rows():
        held[id_].add(before)
    back = [
        id_
        for id_, row in now.items()
        if (changed := [row[path] for path in columns if row[path] != was[id_][path]]) and held[id_].issuperset(changed)
    ]
    return rows.filter(pl.col("id").is_in(back))


def _take_back(world: World, key: str, rows: pl.DataFrame) -> None:
    """What a system that was put back holds is nobody's edit: it is told again what was agreed."""
    if rows.is_empty():
        return
    unheard = pl.lit(None, pl.String)
    members.agree(world.hub, rows.select("entity", "id", "shape", base="vals", accepted=unheard))
    placed = members.clusters_of(world.hub, rows)
    told = placed.with_columns(kind=pl.lit("put back"), reason=pl.lit(f"{key} shows it as it was before what it last showed"))
    history.append(world.hub, told, world.run)


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
