"""What every spec object shares: frozen, closed to unknown keys, nothing coerced."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, StringConstraints, Tag

_Value = TypeVar("_Value")

Frozen = Annotated[Mapping[str, _Value], AfterValidator(MappingProxyType)]
Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict(), Field(ge=0)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""A key of ours: it names files, assets and columns, so it is plain lower case."""
Text = Annotated[str, StringConstraints(min_length=1)]

A_MAPPING, A_LIST, A_VALUE = Tag("a mapping"), Tag("a list"), Tag("text")
"""The forms in which one thing may be written; no key of a spec has these names."""


def shape(value: Any) -> str:
    """Which form a value has, so that what is wrong with it is said of that form alone."""
    if isinstance(value, Mapping | BaseModel):
        return A_MAPPING.tag
    return A_LIST.tag if isinstance(value, list | tuple) else A_VALUE.tag


def _simple(value: Any) -> Any:
    if isinstance(value, str | int | float):
        return value
    raise ValueError("must be text, a number, true or false")


Constant = Annotated[
    Annotated[str, Strict()] | Flag | Annotated[int, Strict()] | Annotated[float, Strict()], BeforeValidator(_simple)
]


def as_text(value: Constant) -> str:
    """In the form that values have between stages."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class SpecModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
