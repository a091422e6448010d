"""What a server does to values on their way in, without a word: normalising them or leaving them aside."""

from collections.abc import Mapping
from typing import Any

from talk_assets.sandbox.faults import Effects
from talk_assets.sandbox.shape import Flat


def adjusted(effects: Effects, flat: Mapping[str, Any]) -> Flat:
    ignored = {fault.option("property") for fault in effects.every("ignore")}
    kept = {path: value for path, value in flat.items() if path not in ignored}
    for fault in effects.every("normalise"):
        path = fault.option("property")
        if kept.get(path) is not None:
            kept[path] = normalised(kept[path], fault.option("rule"))
    return kept


def normalised(value: Any, rule: str) -> Any:
    name, _, length = rule.partition(":")
    if name == "round" and isinstance(value, int | float):
        return round(value, int(length or 0))
    if not isinstance(value, str):
        return value
    texts = {"trim": value.strip(), "upper": value.upper(), "lower": value.lower(), "title": value.title()}
    return value[: int(length)] if name == "cut" else texts.get(name, value)
