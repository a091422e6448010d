"""Dataflow documents: `parse` and `render` are each other's inverse, to the byte."""

from talk_assets.specs.document.model import (
    Before,
    Condition,
    Connected,
    Document,
    Every,
    Row,
    Section,
    TypeCell,
)
from talk_assets.specs.document.parse import parse
from talk_assets.specs.document.render import render

__all__ = [
    "Before",
    "Condition",
    "Connected",
    "Document",
    "Every",
    "Row",
    "Section",
    "TypeCell",
    "parse",
    "render",
]
