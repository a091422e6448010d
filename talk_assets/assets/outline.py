"""The graph that the specs describe: what each system keeps, and what each mapping makes of it.

These assets are declared, not yet materialised: no data moves before the engine does.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from talk_assets.specs.naming import distinct, slug
from talk_assets.specs.problems import Problem, Severity
from talk_assets.specs.read import Loaded
from talk_assets.specs.resolve import EntityRef, Resolved, ResolvedMapping


def outline(resolved: Resolved, problems: Sequence[Problem]) -> list[dg.AssetSpec]:
    return [
        *(_entity(entity, resolved.catalog.systems[entity.system.system]) for entity in resolved.entities.values()),
        *(_mapping(mapping) for mapping in resolved.mappings),
        *_invalid(problems),
    ]


def _entity(entity: EntityRef, loaded: Loaded) -> dg.AssetSpec:
    columns = [
        dg.TableColumn(path, prop.type, prop.description, dg.TableColumnConstraints(nullable=prop.nullable, unique=prop.unique))
        for path, prop in entity.spec.properties.items()
    ]
    return dg.AssetSpec(
        key=[entity.system.system, entity.name],
        group_name=f"sources/{entity.system.system}",
        description=f"{entity.system.title} {entity.spec.title}. {entity.spec.description}",
        kinds={entity.system.system},
        metadata={
            "dagster/column_schema": dg.TableSchema(columns),
            **_reference(loaded, "system spec", ("entities", entity.name)),
        },
    )


def _mapping(mapping: ResolvedMapping) -> dg.AssetSpec:
    rows = [
        dg.TableRecord({"source": str(row.spec.source), "target": str(row.spec.target), "documented": not row.spec.added})
        for row in mapping.rows
    ]
    return dg.AssetSpec(
        key=[mapping.dataflow, mapping.key],
        deps=[[mapping.source.system.system, mapping.source.name], [mapping.target.system.system, mapping.target.name]],
        group_name=f"dataflows/{mapping.dataflow}",
        description=f"Keeps every {mapping.source.system.title} {mapping.source.spec.title} in step with a "
        f"{mapping.target.system.title} {mapping.target.spec.title}.",
        kinds={"polars"},
        metadata={
            **({"rows": dg.MetadataValue.table(rows)} if rows else {}),
            **_reference(mapping.loaded, "mapping spec", ("mappings", mapping.index)),
        },
    )


def _invalid(problems: Sequence[Problem]) -> Iterator[dg.AssetSpec]:
    """A file with errors takes none of the others down: it shows as an asset that says what is wrong."""
    errors = [problem for problem in problems if problem.severity is Severity.error]
    files = sorted({problem.place.file for problem in errors})
    keys = distinct((file, slug(file.stem)) for file in files)
    for file in files:
        said = "\n".join(f"- {problem}" for problem in errors if problem.place.file == file)
        yield dg.AssetSpec(
            key=["invalid_specs", keys[file]],
            group_name="invalid_specs",
            description=f"{file} has errors.\n\n{said}",
            kinds={"yaml"},
        )


def _reference(loaded: Loaded, label: str, trail: tuple[str | int, ...]) -> dict[str, dg.CodeReferencesMetadataValue]:
    reference = dg.LocalFileCodeReference(
        file_path=str(loaded.file.resolve()), line_number=loaded.place(*trail).line, label=label
    )
    return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference])}
