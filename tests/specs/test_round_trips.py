"""What goes in comes out: documents through specs, specs through YAML."""

from pathlib import Path

from hypothesis import given, settings

from talk_assets.specs import yaml12
from talk_assets.specs.convert import document_from_spec, spec_from_document
from talk_assets.specs.dataflow import DataflowSpec
from talk_assets.specs.document import Document, parse, render
from talk_assets.specs.emit import dataflow_yaml
from talk_assets.specs.read import build, load_system
from tests.specs.strategies import dataflow_specs, documents

FILE = Path("document.txt")
SYSTEMS = {path.stem: load_system(path).spec for path in Path("mapping_specs/systems").glob("*.yaml")}


def through_yaml(spec: DataflowSpec) -> DataflowSpec:
    return build(yaml12.parse(dataflow_yaml(spec), Path("spec.yaml")), DataflowSpec).spec


@settings(max_examples=80)
@given(documents())
def test_a_rendered_document_reads_back_as_itself(document: Document):
    assert parse(render(document), FILE) == document


@settings(max_examples=60)
@given(documents())
def test_a_document_survives_being_a_spec_file(document: Document):
    spec = spec_from_document(document, "document.txt", SYSTEMS)
    assert render(document_from_spec(through_yaml(spec))) == render(document)


@settings(max_examples=80)
@given(dataflow_specs)
def test_a_spec_survives_being_written_and_read(spec: DataflowSpec):
    assert through_yaml(spec) == spec
