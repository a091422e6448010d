"""A hub is opened as this program wants it: its tables are made if it has none, and brought up to date if they are older."""

from random import Random

from talk_assets.hub import schema
from talk_assets.hub.address import Address
from talk_assets.hub.connection import Patience
from talk_assets.hub.errors import HubError, NewerHub
from talk_assets.hub.hub import Hub
from talk_assets.hub.ports import Crashpoint, Ids, RandomIds, Tell, no_crash
from talk_assets.hub.upgrade import upgrade
from talk_assets.systems.clock import Clock, SystemClock


def open_hub(
    url: str,
    *,
    clock: Clock | None = None,
    ids: Ids | None = None,
    crashpoint: Crashpoint = no_crash,
    tell: Tell | None = None,
    wait_seconds: float = 60.0,
    random: Random | None = None,
    anew: bool = True,
) -> Hub:
    """While another process holds it, wait and say so. `anew`: whether it may be one that has no tables yet."""
    clock = clock or SystemClock()
    # Jitter guards no secret.
    patience = Patience(clock, random or Random(), tell or no_crash, wait_seconds)  # noqa: S311
    hub = Hub(Address.parse(url), patience, clock=clock, ids=ids or RandomIds(), crashpoint=crashpoint)
    try:
        bring_up_to_date(hub, anew=anew)
    except BaseException:
        hub.close()
        raise
    return hub


def bring_up_to_date(hub: Hub, *, anew: bool = True) -> None:
    where = hub.address.place
    tables = hub.read("SELECT table_name FROM duckdb_tables() WHERE database_name = 'hub'")["table_name"].to_list()
    if "meta" not in tables:
        if tables:
            raise HubError(f"{where} is a database of something else: it holds {', '.join(sorted(tables)[:3])}")
        if not anew:
            raise HubError(f"{where} is no hub: there is nothing in it")
        hub.run(lambda: create(hub), "create hub")
        hub.settle()
    version = int(hub.value("SELECT value FROM meta WHERE key = 'schema'"))
    if version > schema.VERSION:
        raise NewerHub(
            f"the hub {where} has schema {version}, and this program knows schemas up to {schema.VERSION}: "
            "use the newer program, or another hub"
        )
    if version < schema.VERSION:
        hub.run(lambda: upgrade(hub, version), "upgrade hub")
        hub.settle()


def create(hub: Hub) -> None:
    hub.write(";".join(schema.definitions(in_file=hub.address.is_file)))
    if not hub.value("SELECT count(*) FROM meta WHERE key = 'schema'"):
        given = {"schema": str(schema.VERSION), "installation": hub.ids.new(), "created": hub.now().isoformat()}
        for key, value in given.items():
            hub.write("INSERT INTO meta VALUES (?, ?)", [key, value])
