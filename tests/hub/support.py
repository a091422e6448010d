"""Time and names that a test controls, and small hubs to start from."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import polars as pl

from talk_assets.hub import Hub, Shape
from talk_assets.hub.packing import BETWEEN, pack
from talk_assets.hub.schema import has_hint
from talk_assets.hub.tables import members, records, shapes

ENTITY = "erp.customer"
OTHER = "pms.guest"
COLUMNS = ("name", "mail.address")
FIELDS = ("erp.customer.name", "erp.customer.mail.address")
START = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 – the hub keeps UTC without a zone


class Ticking:
    """A clock that moves when somebody waits, and does what it is told then."""

    def __init__(self, on_sleep: Callable[[], None] = lambda: None) -> None:
        self.seconds = 0.0
        self.on_sleep = on_sleep

    def now(self) -> datetime:
        return START.replace(tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.on_sleep()


class Counting:
    def __init__(self) -> None:
        self.given = 0

    def new(self) -> str:
        self.given += 1
        return f"id-{self.given}"


def frame(*rows: dict, **dtypes) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema_overrides=dtypes)


def record(id_: str, *vals: str | None, entity: str = ENTITY, digest: int | None = None, **more) -> dict:
    return {
        "entity": entity,
        "id": id_,
        "digest": hash_of(vals) if digest is None else digest,
        "vals": told(*vals),
        "body": "{}",
        **more,
    }


def told(*texts: str | None) -> str:
    """Some texts as the hub keeps them: as one."""
    columns = [str(number) for number in range(len(texts))]
    return pack(pl.DataFrame([texts], schema=dict.fromkeys(columns, pl.String), orient="row"), columns).item()


def hash_of(vals: Sequence[str | None]) -> int:
    return sum(ord(letter) * 31**place for place, letter in enumerate(repr(vals))) % 2**64


def batch(*rows: dict, shape: Shape) -> pl.DataFrame:
    types = {"digest": pl.UInt64, "vals": pl.String}
    return pl.DataFrame(list(rows), schema_overrides=types).with_columns(shape=pl.lit(shape.number, pl.Int32))


def keep(hub: Hub, *rows: dict, columns: Sequence[str] = COLUMNS, fields: Sequence[str] = FIELDS) -> Shape:
    """Records as if they had just been collected."""
    entity = rows[0]["entity"]
    with hub.transaction():
        shape = shapes.shape_of(hub, entity, columns, fields)
        records.upsert(hub, batch(*rows, shape=shape))
    return shape


def place(hub: Hub, *links: tuple[str, str, int]) -> None:
    with hub.transaction():
        members.link(hub, links_frame(*links))


def links_frame(*links: tuple[str, str, int]) -> pl.DataFrame:
    rows = pl.DataFrame(links, schema={"entity": pl.String, "id": pl.String, "cluster": pl.Int64}, orient="row")
    return rows.with_columns(how=pl.lit("matched"), since=pl.lit(START, pl.Datetime("us")))


def clusters(*numbers: int) -> pl.DataFrame:
    return pl.DataFrame({"cluster": numbers}, schema={"cluster": pl.Int64})


def ids(*wanted: str, entity: str = ENTITY) -> pl.DataFrame:
    return pl.DataFrame({"entity": [entity] * len(wanted), "id": wanted}, schema={"entity": pl.String, "id": pl.String})


_TEXTS = (
    "list_transform(string_split({}, chr(31)), lambda one: CASE WHEN one <> chr(30) THEN "
    "replace(replace(replace(one, chr(27) || 'n', chr(30)), chr(27) || 'b', chr(31)), chr(27) || 'e', chr(27)) END)"
)
_NUMBERS = f"{_TEXTS}::BIGINT[]"
_LISTS = {
    "records": {"vals": _TEXTS},
    "members": {"base": _TEXTS, "accepted": _NUMBERS},
    "golden": {
        **{"vals": _TEXTS, "versions": _NUMBERS, "origins": _TEXTS, "trails": _TEXTS},
        "times": f"list_transform({_NUMBERS}, lambda one: make_timestamp(one))",
    },
}


def tell_each(hub: Hub) -> None:
    """Where the value of a field came from and when, of each field, as hubs kept it until their version 7."""
    for cluster, *packed in hub.read("SELECT cluster, origins, times FROM golden").iter_rows():
        each = [BETWEEN.join(accumulate(one.split(BETWEEN), lambda before, piece: piece or before)) for one in packed]
        hub.write("UPDATE golden SET origins = ?, times = ? WHERE cluster = ?", [*each, cluster])


def make_lists(hub: Hub) -> None:
    """What is one text by now, as hubs kept it until their version 5."""
    tell_each(hub)
    for table, columns in _LISTS.items():
        lists = ", ".join(f"{parsed.format(name)} AS {name}" for name, parsed in columns.items())
        hub.write(f"CREATE TABLE lists AS SELECT * REPLACE ({lists}) FROM {table}")  # noqa: S608 - our own names
        if has_hint(table):
            hub.write("ALTER TABLE lists DROP COLUMN hint")
        hub.write(f"DROP TABLE {table}")
        hub.write(f"ALTER TABLE lists RENAME TO {table}")
