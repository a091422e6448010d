"""What every spec object shares: frozen, closed to unknown keys, nothing coerced."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, StringConstraints

_Value = TypeVar("_Value")

Frozen = Annotated[Mapping[str, _Value], AfterValidator(MappingProxyType)]
Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict(), Field(ge=0)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""A key of ours: it names files, assets and columns, so it is plain lower case."""
Text = Annotated[str, StringConstraints(min_length=1)]
Constant = Annotated[str, Strict()] | Flag | Annotated[int, Strict()] | Annotated[float, Strict()]


class SpecModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
