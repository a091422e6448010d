"""Small facts about the hub itself, by name."""

from talk_assets.hub.hub import Hub


def get(hub: Hub, key: str) -> str | None:
    return hub.facts().get(key)


def starting(hub: Hub, prefix: str) -> dict[str, str]:
    """All facts whose names begin so."""
    return {key: value for key, value in hub.facts().items() if key.startswith(prefix)}


def drop(hub: Hub, key: str) -> None:
    hub.unnote(key)


def put(hub: Hub, key: str, value: str) -> None:
    hub.note(key, value)
