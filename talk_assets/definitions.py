"""What Dagster loads."""

from pathlib import Path

import dagster as dg

from talk_assets.assets.outline import outline
from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.resolve import resolve
from talk_assets.specs.verify import verify

SPECS = Path(__file__).parent.parent / "mapping_specs"


@dg.definitions
def defs() -> dg.Definitions:
    resolved = resolve(load_catalog(SPECS))
    return dg.Definitions(assets=outline(resolved, verify(resolved)))
