"""Small facts about the hub itself, by name."""

from talk_assets.hub.hub import Hub


def get(hub: Hub, key: str) -> str | None:
    found = hub.read("SELECT value FROM meta WHERE key = ?", [key])
    return found.item() if found.height else None


def put(hub: Hub, key: str, value: str) -> None:
    hub.write("DELETE FROM meta WHERE key = ?", [key])
    hub.write("INSERT INTO meta VALUES (?, ?)", [key, value])
