"""Which entities have been loaded once: from then on, mass effects need a person's word."""

from talk_assets.hub import Hub, cursors
from talk_assets.sync.world import World

_NAME = "loaded "


def loaded(hub: Hub) -> frozenset[str]:
    return frozenset(name.removeprefix(_NAME) for name in cursors.positions(hub, _NAME))


def note_loaded(world: World) -> None:
    """The first load is over."""
    hub, known = world.hub, loaded(world.hub)
    if fresh := [key for key in world.model.entities if key not in known]:
        hub.run(lambda: [cursors.move(hub, f"{_NAME}{key}", expected=None, to=True) for key in fresh], "loaded")
