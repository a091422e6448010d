"""The specs as a graph of assets: which there are, what they are called, and where they stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from warnings import catch_warnings, filterwarnings

import dagster as dg

from talk_assets.specs.read import Loaded
from talk_assets.specs.resolve import EntityRef, Resolved, ResolvedMapping
from talk_assets.specs.topology import Subject, subjects
from talk_assets.specs.verify.names import CHANGES, DELIVERED

LINKS = dg.AssetKey(["hub", "links"])


@dataclass(frozen=True)
class Graph:
    resolved: Resolved
    untimed: frozenset[str] = frozenset()
    """Systems whose settings are wrong: Dagster would load nothing at all for a schedule that it does not understand."""

    @cached_property
    def subjects(self) -> tuple[Subject, ...]:
        return subjects(self.resolved)

    @cached_property
    def entities(self) -> tuple[EntityRef, ...]:
        """Those that a mapping uses; the others are never read."""
        return tuple(entity for subject in self.subjects for entity in subject.entities)

    @cached_property
    def written(self) -> tuple[EntityRef, ...]:
        """Those whose API takes a write."""
        return tuple(entity for entity in self.entities if entity.spec.create or entity.spec.update)

    @cached_property
    def subject_of(self) -> Mapping[str, str]:
        """By the key of an entity."""
        return {entity.key: subject.name for subject in self.subjects for entity in subject.entities}

    @cached_property
    def systems(self) -> tuple[str, ...]:
        return tuple(sorted({entity.system.system for entity in self.entities}))

    def entities_of(self, system: str) -> tuple[EntityRef, ...]:
        return tuple(entity for entity in self.entities if entity.system.system == system)

    def written_of(self, system: str) -> tuple[EntityRef, ...]:
        return tuple(entity for entity in self.written if entity.system.system == system)

    def mappings_of(self, entity: EntityRef) -> tuple[ResolvedMapping, ...]:
        return tuple(one for one in self.resolved.mappings if entity.key in (one.source.key, one.target.key))


def entity_key(entity: EntityRef) -> dg.AssetKey:
    return dg.AssetKey([entity.system.system, entity.name])


def golden_key(subject: str) -> dg.AssetKey:
    return dg.AssetKey(["golden", subject])


def mapping_key(mapping: ResolvedMapping) -> dg.AssetKey:
    return dg.AssetKey([mapping.dataflow, mapping.key])


def changes_key(entity: EntityRef) -> dg.AssetKey:
    return dg.AssetKey([entity.system.system, f"{entity.name}_{CHANGES}"])


def delivered_key(entity: EntityRef) -> dg.AssetKey:
    return dg.AssetKey([entity.system.system, f"{entity.name}_{DELIVERED}"])


def spec_link(loaded: Loaded, label: str, *trail: str | int) -> dict[str, dg.CodeReferencesMetadataValue]:
    """From an asset to its place in a spec, in one click."""
    return file_link(loaded.file, loaded.place(*trail).line, label)


def file_link(file: Path, line: int, label: str) -> dict[str, dg.CodeReferencesMetadataValue]:
    with catch_warnings():
        # In beta since 2024, and the only way to lead to a file.
        filterwarnings("ignore", "Class `(LocalFileCodeReference|CodeReferencesMetadataValue)` is currently in beta")
        place = dg.LocalFileCodeReference(file_path=str(file.resolve()), line_number=line, label=label)
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[place])}
