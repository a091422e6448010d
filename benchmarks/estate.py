"""One company's customers in four of the five systems of the real specs, in step with each other, in a hub that knows them."""

import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from talk_assets.hub import ROW_GROUP, open_hub
from talk_assets.hub.tables import records
from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.resolve import resolve
from talk_assets.sync.cycle import note_loaded
from talk_assets.sync.linking import link_stage
from talk_assets.sync.meaning.compile import compile_model
from talk_assets.sync.merging import merge_stage
from talk_assets.sync.planning import plan_stage
from talk_assets.sync.world import World, make_world
from talk_assets.systems.clock import SystemClock
from talk_assets.systems.reading.rows import digest

_encode = msgspec.json.Encoder().encode
SPECS = Path(__file__).parent.parent / "mapping_specs"
EDITED = "poweroffice_go.customers"
STAMPS: Mapping[str, str] = {
    "poweroffice_go.customers": "LastChangedDateTimeOffset",
    "custom_pms.customer": "updated_at",
    "custom_erp.customer": "modifiedAt",
    "invoiced.customers_company": "updated_at",
}


def body(entity: str, number: int, *, edited: bool = False) -> dict[str, Any]:
    """What a system holds of a customer."""
    said = {
        "name": f"Handel og Service {number} AS",
        "tax": f"{900_000_000 + number}",
        "email": f"post@kunde{number}.example.no",
        "phone": f"+47 {(50_000_000 if edited else 40_000_000) + number}",
        "line1": f"Storgata {number % 190 + 1}",
        "zip": f"{number % 9990:04}",
    }
    shared = {"number": 10_000_000 + number, "invoice": f"faktura@kunde{number}.example.no", "web": f"https://kunde{number}.no"}
    at = f"2026-11-{20 if edited else number % 19 + 1:02}T12:00:00Z"
    match entity:
        case "poweroffice_go.customers":
            address = {
                "AddressLine1": said["line1"],
                "AddressLine2": None,
                "ZipCode": said["zip"],
                "City": "Oslo",
                "CountryCode": "NO",
            }
            return {
                **{"Id": number, "IsPerson": False, "Name": said["name"], "Number": shared["number"]},
                **{"OrganizationNumber": said["tax"], "EmailAddress": said["email"], "PhoneNumber": said["phone"]},
                **{"InvoiceEmailAddress": shared["invoice"], "WebsiteUrl": shared["web"], "MailAddress": address},
                **{"IsArchived": False, "LastChangedDateTimeOffset": at},
            }
        case "invoiced.customers_company":
            return {
                **{"id": number, "type": "company", "name": said["name"], "tax_id": said["tax"], "email": said["email"]},
                **{"phone": said["phone"], "address1": said["line1"], "address2": None, "city": "Oslo", "country": "NO"},
                **{"postal_code": said["zip"], "updated_at": 1_763_600_000 + number % 86_400},
            }
        case "custom_pms.customer":
            return {
                **{"id": number, "number": shared["number"], "code": None, "name": said["name"], "version": 1},
                **{"organisation_number": said["tax"], "email": said["email"], "invoice_email": shared["invoice"]},
                **{"phone": said["phone"], "website": shared["web"], "address_line_1": said["line1"], "address_line_2": None},
                **{"postal_code": said["zip"], "city": "Oslo", "country_code": "NO", "updated_at": at},
            }
        case _:
            address = {
                **{"line1": said["line1"], "line2": None},
                **{"postalCode": said["zip"], "city": "Oslo", "countryCode": "NO"},
            }
            return {
                **{"id": f"{number:08}", "number": shared["number"], "name": said["name"], "organisationNumber": said["tax"]},
                **{"email": said["email"], "invoiceEmail": shared["invoice"], "phone": said["phone"], "website": shared["web"]},
                **{"address": address, "archived": False, "modifiedAt": at},
            }


@contextmanager
def opened(hub: Path) -> Iterator[World]:
    """A world of the real specs in which nobody is asked."""
    clock = SystemClock()
    model = compile_model(resolve(load_catalog(SPECS)))
    with open_hub(f"duckdb:{hub}", clock=clock, random=random.Random(1)) as store:  # noqa: S311 - jitter
        yield make_world(store, model, {}, clock, "benchmark")


def read(entity: str, numbers: range, *, edited: bool = False) -> Iterator[pl.DataFrame]:
    """Records as they are once they have been read."""
    for start in range(0, len(numbers), 3 * ROW_GROUP):
        part = numbers[start : start + 3 * ROW_GROUP]
        made = [body(entity, number, edited=edited) for number in part]
        texts = [_encode(one).decode() for one in made]
        yield pl.DataFrame(
            {
                "entity": [entity] * len(part),
                "id": [str(one.get("id", one.get("Id"))) for one in made],
                "digest": pl.Series([digest(text) for text in texts], dtype=pl.UInt64),
                "body": texts,
                "modified": [str(one[STAMPS[entity]]) for one in made],
            }
        )


def keep(world: World, entity: str, batches: Iterable[pl.DataFrame]) -> None:
    """What collecting does with them."""
    for batch in batches:
        rows = batch.with_columns(listed_at=pl.lit(world.hub.now(), pl.Datetime("us")))
        world.hub.run(lambda rows=rows: records.upsert(world.hub, rows, lambda fresh: world.describe(entity, fresh)), "keep")


def build(hub: Path, clusters: int) -> None:
    """All of them in step, with nothing left to do."""
    with opened(hub) as world:
        for entity in STAMPS:
            keep(world, entity, read(entity, range(1, clusters + 1)))
        linked = link_stage(world)
        for _ in range(2):
            merge_stage(world)
            planned = plan_stage(world)
        if planned.ready or planned.held or linked.ambiguous or linked.linked != clusters * len(STAMPS):
            raise SystemExit(f"the estate is not in step: {linked}, {planned}")
        note_loaded(world)
