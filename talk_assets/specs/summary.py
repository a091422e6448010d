"""How much a folder of specs describes."""

from dataclasses import asdict, dataclass

from talk_assets.specs.problems import plural
from talk_assets.specs.resolve import Resolved
from talk_assets.specs.topology import subjects


@dataclass(frozen=True)
class Summary:
    systems: int = 0
    entities: int = 0
    subjects: int = 0
    dataflows: int = 0
    mappings: int = 0
    documented_rows: int = 0
    added_rows: int = 0
    match_rules: int = 0

    def counts(self) -> dict[str, int]:
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"{plural(self.mappings, 'mapping')} in {plural(self.dataflows, 'dataflow')}, "
            f"{self.documented_rows} documented and {plural(self.added_rows, 'added row')}, "
            f"{plural(self.match_rules, 'match rule')}; {plural(self.systems, 'system')}, "
            f"{plural(self.entities, 'entity')}, {plural(self.subjects, 'subject')}"
        )


def summarise(resolved: Resolved) -> Summary:
    mappings = [mapping for loaded in resolved.catalog.dataflows for mapping in loaded.spec.mappings]
    rows = [row for mapping in mappings for row in mapping.properties]
    return Summary(
        systems=len(resolved.catalog.systems),
        entities=len(resolved.entities),
        subjects=len(subjects(resolved)),
        dataflows=len(resolved.catalog.dataflows),
        mappings=len(mappings),
        documented_rows=sum(not row.added for row in rows),
        added_rows=sum(row.added for row in rows),
        match_rules=sum(len(mapping.match or ()) for mapping in mappings),
    )
