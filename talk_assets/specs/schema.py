"""JSON Schemas of the spec files, so that editors complete and check while one types."""

import json
import os
from pathlib import Path

from talk_assets.specs.dataflow import DataflowSpec
from talk_assets.specs.system import SystemSpec

SCHEMAS = {"system.json": SystemSpec, "dataflow.json": DataflowSpec}
FOLDER = "schema"


def schema_texts() -> dict[str, str]:
    """Each schema's file name and text."""
    texts: dict[str, str] = {}
    for name, model in SCHEMAS.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
        texts[name] = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    return texts


def modeline_target(folder: Path, name: str = "dataflow.json") -> str | None:
    """How a spec in `folder` names its schema, when one lies in a `schema` folder here or above."""
    for above in (folder, *folder.parents):
        schema = above / FOLDER / name
        if schema.is_file():
            return Path(os.path.relpath(schema, folder)).as_posix()
    return None
