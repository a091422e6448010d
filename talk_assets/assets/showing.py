"""Figures and samples as metadata that Dagster shows, and plots over time where they are numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

import dagster as dg

from talk_assets.specs.property import Property

IN_STEP = dg.DataVersion("in step")
"""Of every materialisation: an asset without news is not reported, and Dagster would call it unsynced for that."""


def counts(figures: Any) -> dict[str, int]:
    """A dataclass of numbers, as metadata."""
    if not is_dataclass(figures) or isinstance(figures, type):
        raise TypeError(f"{figures!r} holds no figures")
    return asdict(figures)


def column(path: str, prop: Property, *said: str) -> dg.TableColumn:
    """A property; `said`: of it, before its own description."""
    constraints = dg.TableColumnConstraints(nullable=prop.nullable, unique=prop.unique)
    return dg.TableColumn(path, prop.type, " ".join((*said, prop.description)).strip(), constraints)


def table(rows: Sequence[Mapping[str, str]]) -> dict[str, dg.TableMetadataValue]:
    """A sample; nothing where there is none."""
    if not rows:
        return {}
    columns = [dg.TableColumn(name) for name in rows[0]]
    records = [dg.TableRecord(dict(row)) for row in rows]
    return {"sample": dg.MetadataValue.table(records, dg.TableSchema(columns))}


def seconds(value: float) -> dict[str, float]:
    return {"seconds": round(value, 2)}


def next_step(text: str) -> dict[str, dg.MarkdownMetadataValue]:
    """What a person can do now."""
    return {"next": dg.MetadataValue.md(text)} if text else {}


def check_key(result: dg.AssetCheckResult) -> dg.AssetCheckKey:
    if result.asset_key is None or result.check_name is None:
        raise TypeError(f"{result!r} does not say which check it is of")
    return dg.AssetCheckKey(result.asset_key, result.check_name)


def report_check(instance: dg.DagsterInstance, result: dg.AssetCheckResult) -> None:
    """Of a check that the run did not select: a selected one that is not evaluated would show as skipped."""
    key = check_key(result)
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=result.passed,
            severity=result.severity,
            description=result.description,
            metadata=result.metadata,
        )
    )
