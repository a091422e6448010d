"""The dataflow documents as checks: of each mapping, whether it is linked, in sync, typed and unique."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from talk_assets.assets.graph import mapping_key
from talk_assets.operator.qa.live import LiveMapping, LiveRow
from talk_assets.specs.resolve import ResolvedMapping

_SAID = {
    "linked": "Every source record has its counterpart, or there is a reason why not.",
    "in_sync": "No linked pair differs in a property of a row, unless it waits for a person or the API cannot take it.",
    "typed": "All values fit the type of the property they go to.",
    "unique": "No two target records are the same thing.",
}
_ON_THEIR_WAY = "Writes are on their way, and it is looked at again after they arrived. "


def check_specs(mapping: ResolvedMapping) -> list[dg.AssetCheckSpec]:
    return [dg.AssetCheckSpec(name, asset=mapping_key(mapping), description=said) for name, said in _SAID.items()]


def check_results(mapping: ResolvedMapping, live: LiveMapping, *, on_their_way: bool) -> Iterator[dg.AssetCheckResult]:
    """What is wrong while writes are on their way is a warning."""
    severity = dg.AssetCheckSeverity.WARN if on_their_way else dg.AssetCheckSeverity.ERROR
    for finding in (_linked(live), _in_sync(live), _typed(live), _unique(live)):
        yield dg.AssetCheckResult(
            asset_key=mapping_key(mapping),
            check_name=finding.check,
            passed=finding.passed,
            severity=dg.AssetCheckSeverity.WARN if finding.check == "typed" else severity,
            description=None if finding.passed else f"{_ON_THEIR_WAY if on_their_way else ''}{finding.todo}",
            metadata={**finding.figures, **_examples(finding.records)},
        )


@dataclass(frozen=True)
class _Finding:
    check: str
    passed: bool
    todo: str
    records: tuple[str, ...] = ()
    """Some that show it."""
    figures: Mapping[str, int | dg.TableMetadataValue] = field(default_factory=dict)


def _linked(live: LiveMapping) -> _Finding:
    explained = sum(count for reason, count in live.reasons.items() if reason)
    return _Finding(
        "linked",
        live.is_linked,
        f"{_ask(live.lost)} says why there is no counterpart.",
        live.lost,
        {"records": live.records, "linked": live.linked, "explained": explained},
    )


def _in_sync(live: LiveMapping) -> _Finding:
    differing = [row for row in live.rows if row.differ != sum(row.reasons.values())]
    records = tuple(name for row in differing for name in row.records)
    return _Finding(
        "in_sync",
        not differing,
        f"{_ask(records)} says what lost, what is held and what is on its way.",
        records,
        {
            "differing": sum(row.differ for row in live.rows),
            "explained": sum(sum(row.reasons.values()) for row in live.rows),
            "rows": _rows(live.rows),
        },
    )


def _typed(live: LiveMapping) -> _Finding:
    unfit = [row for row in live.rows if row.misfits]
    records = tuple(name for row in unfit for name in row.records)
    return _Finding(
        "typed",
        not unfit,
        f"Correct the values in their system; {_ask(records)} shows them.",
        records,
        {"misfits": sum(row.misfits for row in unfit)},
    )


def _unique(live: LiveMapping) -> _Finding:
    return _Finding(
        "unique",
        not live.duplicates,
        f"Keep one of them in its system, or say that they differ: {_ask(live.doubled)}, then `talk unlink`.",
        live.doubled,
        {"duplicates": live.duplicates},
    )


def _ask(records: Sequence[str]) -> str:
    return f"`talk why {records[0]}`" if records else "`talk qa --live`"


def _examples(records: Sequence[str]) -> dict[str, dg.MarkdownMetadataValue]:
    listed = "\n".join(f"- `{name}`" for name in dict.fromkeys(records))
    return {"for example": dg.MetadataValue.md(listed)} if records else {}


def _rows(rows: tuple[LiveRow, ...]) -> dg.TableMetadataValue:
    columns = [
        dg.TableColumn("row"), dg.TableColumn("in the document", "bool"), dg.TableColumn("pairs", "int"),
        dg.TableColumn("differ", "int"), dg.TableColumn("explained", "int"), dg.TableColumn("for example"),
    ]  # fmt: skip
    records = [
        dg.TableRecord(
            {
                "row": f"{row.source} ↔ {row.target}",
                "in the document": row.documented,
                "pairs": row.pairs,
                "differ": row.differ,
                "explained": sum(row.reasons.values()),
                "for example": ", ".join(row.records),
            }
        )
        for row in rows
    ]
    return dg.MetadataValue.table(records, dg.TableSchema(columns))
