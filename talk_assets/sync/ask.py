"""All systems are asked for what is new with them, at the same time. One that fails keeps no other from being read."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

from talk_assets.sync.arriving.readings import note_readings, resting
from talk_assets.sync.collect import Asked, Collected, collect
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
    wanted = list(keys)
    with _begun(world, [key for key in wanted if key not in left], full=full) as asked:
        for key in wanted:
            if key in left:
                yield key, left[key], 0
                continue
            began = world.clock.monotonic()
            begun = asked.pop(key, None)
            try:
                found = world.why_closed(key) or collect(world, key, full=full, asked=begun)
            except SystemsError as failure:
                found = str(failure)
            seconds = max(world.clock.monotonic() - began, begun.seconds if begun else 0)
            if isinstance(found, str):
                failed[key] = found
                system = world.entity(key).system
                waited[system] = waited.get(system, 0) + seconds
            else:
                read.append(key)
            yield key, found, seconds
    note_readings(world, read, failed, waited)


@contextmanager
def _begun(world: World, keys: Sequence[str], *, full: bool) -> Iterator[dict[str, Asked]]:
    """The lists of each system, one after the other, while those of the others are on their way: most bring one page. What
    is kept is kept here, in the order of the keys.
    """
    asked: dict[str, Asked] = {}
    for key in keys:
        if world.ahead and not world.why_closed(key):
            # What is wrong is told at its turn.
            with suppress(SystemsError):
                asked[key] = Asked(world, key, full=full)
    world.hub.rest()
    with ExitStack() as threads:
        of = {
            system: threads.enter_context(ThreadPoolExecutor(1, thread_name_prefix=system))
            for system in dict.fromkeys(world.entity(key).system for key in asked)
        }
        for key, one in asked.items():
            one.begin(of[world.entity(key).system])
        try:
            yield asked
        finally:
            for one in asked.values():
                one.cancel()
