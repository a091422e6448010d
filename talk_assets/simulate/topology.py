"""The part of the real specs that one schedule plays with: whole subjects, their mappings, and the systems those touch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.resolve import resolve
from talk_assets.specs.system import Property, SystemSpec
from talk_assets.sync.compile import compile_model
from talk_assets.sync.model import Model

CASTS: tuple[tuple[frozenset[str], int], ...] = (
    (frozenset({"customer"}), 8),
    (frozenset({"product"}), 4),
    (frozenset({"employee"}), 3),
    (frozenset({"activity"}), 2),
    (frozenset({"person"}), 2),
    (frozenset({"customer", "contact"}), 1),
    (frozenset({"customer", "project"}), 1),
)
"""Subjects that are played together, and how often, compared with each other."""


@dataclass(frozen=True)
class Topology:
    model: Model
    systems: Mapping[str, SystemSpec]

    @cached_property
    def plain(self) -> Mapping[str, Mapping[str, str]]:
        """By field: the property that holds it, by entity, where one property is one field."""
        found: dict[str, dict[str, str]] = {}
        for key in self.model.entities:
            for path, projection in self.model.projections(key).items():
                if len(projection.fields) == 1:
                    found.setdefault(projection.fields[0], {})[key] = path
        return found

    def prop(self, field: str) -> Property:
        """What kind of value a field has, as its first property has it."""
        key, path = next(iter(self.plain[field].items()))
        return self.model.entities[key].prop(path)

    @cached_property
    def keys(self) -> frozenset[str]:
        """Fields by which things are known again."""
        paths = {
            (entity, path)
            for match in self.model.matches
            for entity, ends in ((match.source, 0), (match.target, 1))
            for path in (pair[ends] for pair in match.pairs)
        }
        return frozenset(field for field, places in self.plain.items() if paths & set(places.items()))

    @cached_property
    def editable(self) -> tuple[str, ...]:
        """Fields into which a person can write a text of their own."""
        return tuple(field for field in self.plain if self._takes_text(field))

    def _takes_text(self, field: str) -> bool:
        if self.model.fields[field].references:
            return False
        return all(
            (prop := self.model.entities[key].prop(path)).type == "string"
            and prop.format in (None, "email", "url")
            and prop.access == "read_write"
            and not prop.values
            for key, path in self.plain[field].items()
        ) and not field.endswith((".code", ".Code", ".number", ".gtin"))


@cache
def _whole(specs: Path) -> tuple[Model, Mapping[str, SystemSpec]]:
    resolved = resolve(load_catalog(specs))
    return compile_model(resolved), resolved.catalog.system_specs


@cache
def topology(specs: Path, subjects: frozenset[str]) -> Topology:
    """The real specs, without the entities of other subjects."""
    model, systems = _whole(specs)
    entities = {key: entity for key, entity in model.entities.items() if entity.subject in subjects}
    part = replace(
        model,
        entities=entities,
        fields={name: field for name, field in model.fields.items() if field.subject in subjects},
        mappings=tuple(mapping for mapping in model.mappings if mapping.subject in subjects),
    )
    used = {entity.system for entity in entities.values()}
    return Topology(part, {name: spec for name, spec in systems.items() if name in used})
