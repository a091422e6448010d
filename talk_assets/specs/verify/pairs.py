"""Two rows over one pair of properties: they must say the same of it, and what goes both ways is one row."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass

from talk_assets.specs.model import as_text
from talk_assets.specs.problems import Problem, Severity, error
from talk_assets.specs.resolve import Resolved, ResolvedMapping, ResolvedRow


@dataclass(frozen=True)
class _Pair:
    """A row seen from the side whose name comes first, whichever is its source."""

    mapping: ResolvedMapping
    row: ResolvedRow
    is_turned: bool

    @property
    def ways(self) -> frozenset[str]:
        turned = {"to_target": "to_source", "to_source": "to_target"}
        way = self.row.spec.direction
        ways = {"to_target", "to_source"} if way == "both" else {way}
        return frozenset(turned[one] for one in ways) if self.is_turned else frozenset(ways)

    @property
    def values(self) -> Mapping[str, str] | None:
        if self.row.spec.values is None:
            return None
        told = {key: as_text(value) for key, value in self.row.spec.values.items()}
        return {value: key for key, value in told.items()} if self.is_turned else told

    @property
    def is_computed(self) -> bool:
        return bool(self.row.spec.to_target or self.row.spec.to_source)

    @property
    def said(self) -> Hashable:
        """Equal for rows between which nothing can be wrong."""
        return (None if self.values is None else frozenset(self.values.items()), self.ways, self.is_computed)


def check(resolved: Resolved) -> Iterator[Problem]:
    same: defaultdict[Hashable, list[_Pair]] = defaultdict(list)
    for mapping in resolved.mappings:
        for row in mapping.rows:
            if len(row.sources) == len(row.targets) == 1 and not row.is_identity:
                source, target = (end.identity for end in row.pair)
                is_turned = target < source
                same[(target, source) if is_turned else (source, target)].append(_Pair(mapping, row, is_turned))
    for pairs in same.values():
        unlike: dict[Hashable, _Pair] = {}
        for again in pairs:
            for first in unlike.values():
                yield from _two(first, again)
            unlike.setdefault(again.said, again)


def _two(first: _Pair, again: _Pair) -> Iterator[Problem]:
    place, other = again.mapping.row_place(again.row), first.mapping.row_place(first.row)
    source, target = again.row.pair
    computed = first.is_computed or again.is_computed
    if not computed and first.values != again.values:
        yield error(
            "rows-differ",
            place,
            f"{source} and {target} have other `values` here than on {other}: one of the two maps would not be used",
            "give both rows the same `values`, or leave one row out",
        )
    elif not first.ways & again.ways:
        yield Problem(
            "opposite-rows",
            Severity.error if computed else Severity.warning,
            place,
            f"{source} and {target} go one way here and the other way on {other}: together that is one row that goes both ways"
            + (", and nobody could tell whether one expression undoes the other" if computed else ""),
            "write one row with both `to_target` and `to_source`" if computed else "write one row without `direction`",
        )
