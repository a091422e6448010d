"""The obvious script: read all records of all systems again, join them, compare with what was agreed, say what to write."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from benchmarks.measure import Stopwatch

_encode = msgspec.json.Encoder().encode
_ADDRESS = pl.Struct(dict.fromkeys(("AddressLine1", "AddressLine2", "ZipCode", "City", "CountryCode"), pl.String))
_LINES = pl.Struct(dict.fromkeys(("line1", "line2", "postalCode", "city", "countryCode"), pl.String))
_FIELDS = ("name", "number", "email", "invoice_email", "phone", "website", "line1", "line2", "zip", "city", "country")
_READ: Mapping[str, tuple[Mapping[str, Any], Mapping[str, pl.Expr]]] = {
    "poweroffice_go.customers": (
        {
            **dict.fromkeys(("Name", "OrganizationNumber", "EmailAddress", "InvoiceEmailAddress", "PhoneNumber"), pl.String),
            **{"Id": pl.Int64, "Number": pl.Int64, "WebsiteUrl": pl.String, "MailAddress": _ADDRESS},
            "LastChangedDateTimeOffset": pl.String,
        },
        {
            **{"tax": pl.col("OrganizationNumber"), "id": pl.col("Id").cast(pl.String), "name": pl.col("Name")},
            **{"number": pl.col("Number").cast(pl.String), "email": pl.col("EmailAddress")},
            **{"invoice_email": pl.col("InvoiceEmailAddress"), "phone": pl.col("PhoneNumber"), "website": pl.col("WebsiteUrl")},
            **{"line1": pl.col("MailAddress").struct.field("AddressLine1")},
            **{"line2": pl.col("MailAddress").struct.field("AddressLine2")},
            **{"zip": pl.col("MailAddress").struct.field("ZipCode"), "city": pl.col("MailAddress").struct.field("City")},
            **{"country": pl.col("MailAddress").struct.field("CountryCode"), "at": pl.col("LastChangedDateTimeOffset")},
        },
    ),
    "custom_pms.customer": (
        {
            **{"id": pl.Int64, "number": pl.Int64},
            **dict.fromkeys(("name", "organisation_number", "email", "invoice_email", "phone", "website"), pl.String),
            **dict.fromkeys(
                ("address_line_1", "address_line_2", "postal_code", "city", "country_code", "updated_at"), pl.String
            ),
        },
        {
            **{"tax": pl.col("organisation_number"), "id": pl.col("id").cast(pl.String), "name": pl.col("name")},
            **{"number": pl.col("number").cast(pl.String), "email": pl.col("email"), "invoice_email": pl.col("invoice_email")},
            **{"phone": pl.col("phone"), "website": pl.col("website"), "line1": pl.col("address_line_1")},
            **{"line2": pl.col("address_line_2"), "zip": pl.col("postal_code"), "city": pl.col("city")},
            **{"country": pl.col("country_code"), "at": pl.col("updated_at")},
        },
    ),
    "custom_erp.customer": (
        {
            **{"id": pl.String, "number": pl.Int64, "address": _LINES, "modifiedAt": pl.String},
            **dict.fromkeys(("name", "organisationNumber", "email", "invoiceEmail", "phone", "website"), pl.String),
        },
        {
            **{"tax": pl.col("organisationNumber"), "id": pl.col("id"), "name": pl.col("name")},
            **{"number": pl.col("number").cast(pl.String), "email": pl.col("email"), "invoice_email": pl.col("invoiceEmail")},
            **{"phone": pl.col("phone"), "website": pl.col("website"), "line1": pl.col("address").struct.field("line1")},
            **{"line2": pl.col("address").struct.field("line2"), "zip": pl.col("address").struct.field("postalCode")},
            **{"city": pl.col("address").struct.field("city"), "country": pl.col("address").struct.field("countryCode")},
            **{"at": pl.col("modifiedAt")},
        },
    ),
    "invoiced.customers_company": (
        {
            **{"id": pl.Int64, "updated_at": pl.Int64},
            **dict.fromkeys(("name", "tax_id", "email", "phone", "address1", "address2", "city", "country"), pl.String),
            "postal_code": pl.String,
        },
        {
            **{"tax": pl.col("tax_id"), "id": pl.col("id").cast(pl.String), "name": pl.col("name"), "email": pl.col("email")},
            **{
                "phone": pl.col("phone"),
                "line1": pl.col("address1"),
                "line2": pl.col("address2"),
                "zip": pl.col("postal_code"),
            },
            **{"city": pl.col("city"), "country": pl.col("country")},
            **{"at": pl.from_epoch("updated_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ")},
        },
    ),
}


def dump(folder: Path, clusters: int) -> None:
    """What the systems hold, and what was agreed last time."""
    from benchmarks.estate import EDITED, STAMPS, body  # noqa: PLC0415 - the contestant itself does not know the engine

    for entity in STAMPS:
        with (folder / f"{entity}.ndjson").open("wb") as file:
            for number in range(1, clusters + 1):
                file.write(_encode(body(entity, number, edited=entity == EDITED)) + b"\n")
    agreed = folder / "agreed.ndjson"
    with agreed.open("wb") as file:
        for number in range(1, clusters + 1):
            file.write(_encode(body(EDITED, number)) + b"\n")
    schema, columns = _READ[EDITED]
    pl.read_ndjson(agreed, schema=schema).select(**columns).drop("id", "at").write_parquet(folder / "agreed.parquet")
    agreed.unlink()


def cycle(watch: Stopwatch, settings: Mapping[str, Any]) -> None:
    folder = Path(settings["folder"])
    with watch.running():
        agreed = pl.read_parquet(folder / "agreed.parquet")
        systems = {
            entity: pl.read_ndjson(folder / f"{entity}.ndjson", schema=schema).select(**columns)
            for entity, (schema, columns) in _READ.items()
        }
        joined = agreed.select("tax", *(pl.col(field).alias(f"{field} agreed") for field in _FIELDS))
        for entity, rows in systems.items():
            joined = joined.join(rows.rename({name: f"{name} {entity}" for name in rows.columns if name != "tax"}), on="tax")
        merged = joined.with_columns(_newest(field, systems).alias(field) for field in _FIELDS)
        due = {
            entity: merged.filter(
                pl.any_horizontal(
                    pl.col(field).ne_missing(pl.col(f"{field} {entity}")) for field in _FIELDS if field in rows.columns
                )
            ).select(f"id {entity}", *(field for field in _FIELDS if field in rows.columns))
            for entity, rows in systems.items()
        }
        for entity, rows in due.items():
            rows.write_ndjson(folder / f"{entity}.changes.ndjson")
        merged.select("tax", *_FIELDS).write_parquet(folder / "next.parquet")
    if sum(rows.height for rows in due.values()) != 3 * settings["news"]:
        raise SystemExit("the script found other changes than were made")


def _newest(field: str, systems: Mapping[str, pl.DataFrame]) -> pl.Expr:
    """The newest value that is not what was agreed."""
    before = pl.col(f"{field} agreed")
    having = [entity for entity, rows in systems.items() if field in rows.columns]
    edits = [
        pl.when(pl.col(f"{field} {entity}").ne_missing(before)).then(
            pl.struct(at=pl.col(f"at {entity}"), value=pl.col(f"{field} {entity}"))
        )
        for entity in having
    ]
    newest = pl.max_horizontal(pl.when(edit.is_not_null()).then(edit.struct.field("at")) for edit in edits)
    chosen = [pl.when(edit.struct.field("at") == newest).then(edit.struct.field("value")) for edit in edits]
    return pl.when(newest.is_not_null()).then(pl.coalesce(chosen)).otherwise(before)
