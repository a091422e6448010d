"""Which entities have been loaded once: from then on, mass effects need a person's word."""

from talk_assets.hub import Hub
from talk_assets.hub.tables import cursors
from talk_assets.sync.doubt.unread import is_all_read
from talk_assets.sync.world import World

_NAME = "loaded "


def loaded(hub: Hub) -> frozenset[str]:
    return frozenset(name.removeprefix(_NAME) for name in cursors.positions(hub, _NAME))


def note_loaded(world: World) -> None:
    """The first load is over, but of the subjects of which something is still to be read for the first time."""
    hub, known = world.hub, loaded(world.hub)
    unknown = {key: entity.subject for key, entity in world.model.entities.items() if key not in known}
    if fresh := [key for key, subject in unknown.items() if is_all_read(world, subject)]:
        hub.run(lambda: [cursors.move(hub, f"{_NAME}{key}", expected=None, to=True) for key in fresh], "loaded")
