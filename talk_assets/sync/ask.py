"""All systems are asked for what is new with them. One that fails keeps no other from being read."""

from collections.abc import Iterable, Iterator

from talk_assets.sync.collect import Collected, collect
from talk_assets.sync.readings import note_readings, resting
from talk_assets.sync.world import World
from talk_assets.systems.errors import SystemsError


def ask(
    world: World, keys: Iterable[str], *, full: bool = False, is_patient: bool = True
) -> Iterator[tuple[str, Collected | str, float]]:
    """Read these entities: each as it was read, or why it could not be, and how many seconds that took. Who comes again and
    again is not patient: those that were waited for in vain just now are left for later.
    """
    read: list[str] = []
    failed: dict[str, str] = {}
    waited: dict[str, float] = {}
    left = {} if is_patient else resting(world.hub)
    for key in keys:
        if key in left:
            yield key, left[key], 0
            continue
        started = world.clock.monotonic()
        try:
            found = world.why_closed(key) or collect(world, key, full=full)
        except SystemsError as failure:
            found = str(failure)
        seconds = world.clock.monotonic() - started
        if isinstance(found, str):
            failed[key] = found
            system = world.entity(key).system
            waited[system] = waited.get(system, 0) + seconds
        else:
            read.append(key)
        yield key, found, seconds
    note_readings(world, read, failed, waited)
