"""The step that writes: planned changes → APIs → what the servers answered. No other step sends anything."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from talk_assets.assets.engine import Engine, plainly, require_all_tried
from talk_assets.assets.graph import Graph, changes_key, delivered_key
from talk_assets.assets.showing import IN_STEP, counts, next_step, seconds, table
from talk_assets.assets.tries import Tries, tries_before, tries_metadata
from talk_assets.operator.figures import Due, done, due, sample_of_changes
from talk_assets.specs.resolve import EntityRef
from talk_assets.sync.collect import collect
from talk_assets.sync.cycle import WAVES
from talk_assets.sync.deliver import deliver as sync_deliver
from talk_assets.sync.linking import link_stage
from talk_assets.sync.merging import merge_stage
from talk_assets.sync.planning import plan_stage
from talk_assets.sync.recover import recover
from talk_assets.sync.world import Tell, World
from talk_assets.systems.errors import SystemsError

STEP = "deliver"
WRITTEN, REFUSED, LEFT = "written", "refused", "left "
"""Metadata that the sensors go by; the last one stands before the figures of a plan."""
FAILED, ANEW, AGAIN = "talk/failed", "anew", "again"
"""Tag of a run to which systems were closed: whether that is news."""
_LOCKED_OUT = (
    "{0} does not let us in: check its login, `talk specs conform {0}` tries it. Nothing is lost: what was to be written stays "
    "planned and is tried again, ever less often"
)
_CLOSED = (
    "what was to be written there stays planned and is tried again, ever less often; what is set for Dagster's daemon and code "
    "server counts from their next start on"
)
_KINDS = {"created": ("created", "adopted"), "updated": ("written",), REFUSED: ("rejected",), "without answer": ("unknown",)}


class Delivering(dg.Config):
    """How to write."""

    dry_run: bool = Field(default=False, description="Send nothing: only say what would be sent.")
    only_news: bool = Field(default=False, description="Report only entities that something was sent to.")


def delivery_assets(graph: Graph) -> dg.AssetsDefinition:
    by_key = {delivered_key(entity): entity for entity in graph.written}

    @dg.multi_asset(
        name=STEP,
        specs=[_spec(graph, entity) for entity in graph.written],
        can_subset=True,
        op_tags={"talk/stage": "deliver"},
    )
    def deliver(context: dg.AssetExecutionContext, config: Delivering, engine: dg.ResourceParam[Engine]):  # noqa: ANN202
        wanted = {entity.key: entity for key, entity in by_key.items() if key in context.selected_asset_keys}
        with plainly(), engine.online(context, read_only=config.dry_run) as world:
            require_all_tried(world)
            if config.dry_run:
                _tell_dry(context, world, wanted.values())
                return
            started = world.clock.monotonic()
            stopped = _send(world, list(wanted), context.log.warning)
            took = world.clock.monotonic() - started
            did, left = _did(world), due(world)
            waiting = {world.entity(key).system for key in wanted if left[key].is_on_its_way}
            closed = {system: reason for system, reason in world.closed.items() if system in waiting}
            stopped += closed
            before = tries_before(context.instance, graph.written)
            tries = {key: _tries(graph, world, key, did.get(key, {}), left[key], before, stopped) for key in wanted}
            for key, one in tries.items():
                if one.count and not one.is_locked_out:
                    context.log.warning(_in_vain(key, left[key], one))
            results = [
                _result(entity, did.get(key, {}), left[key], tries[key], sample_of_changes(world, key), took)
                for key, entity in wanted.items()
                if did.get(key) or tries[key].count or before[key].count or not config.only_news
            ]
            world.hub.rest()
            # While nobody else has a turn: a plan that is made after this look is told after it, or sensors take it for sent.
            yield from results
        if stopped:
            is_known = all(any(before[one.key].is_locked_out for one in graph.written_of(system)) for system in stopped)
            context.instance.add_run_tags(context.run.run_id, {FAILED: AGAIN if is_known else ANEW})
            said = (f"{closed[one]}; {_CLOSED}" if one in closed else _LOCKED_OUT.format(one) for one in stopped)
            raise dg.Failure("\n".join(said), allow_retries=False)

    return deliver


def _spec(graph: Graph, entity: EntityRef) -> dg.AssetSpec:
    system = entity.system
    return dg.AssetSpec(
        key=delivered_key(entity),
        deps=[changes_key(entity)],
        group_name=f"writes/{system.system}",
        description=f"What was written to {system.title} {entity.spec.title}. Before anything is created the system's news are "
        "read; each write is remembered before it leaves, looked for when it has no answer, and never repeated blindly.",
        kinds={system.system, "api"},
        owners=[f"team:{system.system}"],
        tags={"talk/stage": "deliver", "talk/system": system.system, "talk/subject": graph.subject_of[entity.key]},
        skippable=True,
    )


def _send(world: World, keys: Sequence[str], warn: Tell) -> list[str]:
    """Send what is ready and what that unlocks; gives the systems that let us in no more."""
    recover(world)
    open_ = _looked_at(world, keys, warn)
    for _ in range(WAVES):
        link_stage(world)
        plan_stage(world, seen=merge_stage(world).seen)
        one = sync_deliver(world, only=open_)
        if one.stopped or not one.has_news:
            return one.stopped
    return []


def _looked_at(world: World, keys: Sequence[str], warn: Tell) -> list[str]:
    """Where something is to be created, the news are read first: what somebody made meanwhile is not made a second time. An
    entity that cannot be read now is left for later.
    """
    planned = due(world)
    open_ = [key for key in keys if not world.why_closed(key)]
    found = [key for key in open_ if not planned[key].creates]
    for key in open_:
        if planned[key].creates:
            try:
                collect(world, key)
            except SystemsError as failure:
                warn(f"nothing is sent to {key} now, since it could not be read before something is created there: {failure}")
            else:
                found.append(key)
    return found


def _did(world: World) -> dict[str, dict[str, int]]:
    """What this run did, by entity: records by what became of them."""
    found: dict[str, dict[str, int]] = {}
    events = done(world)
    for entity, _ in events:
        told = {name: sum(events.get((entity, kind), 0) for kind in kinds) for name, kinds in _KINDS.items()}
        if any(told.values()):
            found[entity] = told
    return found


def _tries(
    graph: Graph,
    world: World,
    key: str,
    did: Mapping[str, int],
    left: Due,
    before: Mapping[str, Tries],
    stopped: Collection[str],
) -> Tries:
    """A system that lets nobody in is tried again with all of its entities at once."""
    system = world.entity(key).system
    if system in stopped:
        longest = max((before[entity.key] for entity in graph.written_of(system)), key=lambda one: one.count)
        return longest.one_more(world.clock.now(), is_locked_out=True)
    if left.is_on_its_way and not _written(did) and not did.get(REFUSED):
        return before[key].one_more(world.clock.now(), is_locked_out=False)
    return Tries()


def _in_vain(key: str, left: Due, tries: Tries) -> str:
    again = datetime.fromtimestamp(tries.again_at, UTC)
    return (
        f"nothing could be written to {key}, {left.ready + left.unsettled} left; the sensor `push` tries again from "
        f"{again:%H:%M:%S} UTC on, and `talk specs conform {key.partition('.')[0]}` tries its address and its login"
    )


def _written(did: Mapping[str, int]) -> int:
    return did.get("created", 0) + did.get("updated", 0)


def _result(
    entity: EntityRef, did: dict[str, int], left: Due, tries: Tries, sample: list[dict[str, str]], took: float
) -> dg.MaterializeResult:
    told = {name: did.get(name, 0) for name in _KINDS}
    todo = ""
    if tries.is_locked_out:
        todo = f"Check the login: `talk specs conform {entity.system.system}`. To try before its time, launch `push`"
    elif told[REFUSED] or left.held:
        todo = "What the system refused, in its own words: `talk holds`"
    elif left.is_on_its_way:
        todo = "Not all of it could be sent; the next run goes on"
    return dg.MaterializeResult(
        asset_key=delivered_key(entity),
        data_version=IN_STEP,
        metadata={
            WRITTEN: _written(did),
            **told,
            **{f"{LEFT}{name}": count for name, count in counts(left).items()},
            **tries_metadata(tries),
            **seconds(took),
            **table(sample),
            **next_step(todo),
        },
    )


def _tell_dry(context: dg.AssetExecutionContext, world: World, entities: Collection[EntityRef]) -> None:
    """What would be sent, as an observation: nothing is materialised, for nothing is written."""
    planned = due(world)
    for entity in entities:
        context.log_event(
            dg.AssetObservation(
                asset_key=delivered_key(entity),
                description="Dry run: this would be sent, and nothing was.",
                metadata={**counts(planned[entity.key]), **table(sample_of_changes(world, entity.key))},
            )
        )
