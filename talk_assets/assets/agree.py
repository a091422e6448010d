"""The step that agrees: records → golden fields → what each mapping wants → the writes that are due; and the checks."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import dagster as dg
from pydantic import Field

from talk_assets.assets.checks import check_results, check_specs
from talk_assets.assets.engine import Engine, plainly, require_all_tried
from talk_assets.assets.golden import golden_result, golden_spec
from talk_assets.assets.graph import Graph, changes_key, golden_key, mapping_key
from talk_assets.assets.mappings import mapping_result, mapping_spec
from talk_assets.assets.showing import check_key, report_check
from talk_assets.assets.targets import changes_result, changes_spec
from talk_assets.operator.figures import Agreed, Due, agreed, due, kept, news, sample_of_changes, sample_of_things
from talk_assets.operator.qa.live import LiveMapping
from talk_assets.operator.qa.look import look_at
from talk_assets.specs.resolve import ResolvedMapping
from talk_assets.sync.doubt.loaded import note_loaded
from talk_assets.sync.doubt.unread import untried
from talk_assets.sync.merging import merge_stage
from talk_assets.sync.planning import plan_stage
from talk_assets.sync.world import World

STEP = "agree"
_QUICKLY_SEEN = 20_000
"""Records of a hub: about a second for the mappings of one subject."""


class Agreeing(dg.Config):
    """How to agree and plan."""

    dry_run: bool = Field(default=False, description="Plan, and have the sensor `push` leave it alone: nothing is written.")
    only_news: bool = Field(default=False, description="Report only the kinds of things that something happened to.")
    subjects: list[str] = Field(default=[], description="Kinds of things to report also without news.")
    check_up_to: int = Field(
        default=100_000,
        ge=0,
        description="Run the documents' checks on the mappings that are reported and have at most so many records on a side: "
        "they read all of them. Those of larger mappings are left to the job `checks`.",
    )


def agree_assets(graph: Graph) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=STEP,
        specs=[
            *(golden_spec(subject) for subject in graph.subjects),
            *(mapping_spec(graph, mapping) for mapping in graph.resolved.mappings),
            *(changes_spec(graph, entity) for entity in graph.written),
        ],
        check_specs=[spec for mapping in graph.resolved.mappings for spec in check_specs(mapping)],
        can_subset=True,
        op_tags={"talk/stage": "plan"},
    )
    def agree(context: dg.AssetExecutionContext, config: Agreeing, engine: dg.ResourceParam[Engine]):  # noqa: ANN202
        _require_known(graph, config.subjects)
        with plainly(), engine.online(context, read_only=True) as world:
            if config.only_news and (missing := untried(world)):
                world.tell(f"nothing is planned before all systems were asked once; still unread: {', '.join(missing)}")
                return
            require_all_tried(world)
            results = list(_results(graph, world, config, context.selected_asset_keys, context.selected_asset_check_keys))
        answers = [one for one in results if isinstance(one, dg.AssetCheckResult)]
        unselected = [one for one in answers if check_key(one) not in context.selected_asset_check_keys]
        yield from (one for one in results if one not in unselected)
        # Dagster takes no answer from before a materialisation for one of it.
        for one in unselected:
            report_check(context.instance, one)

    return agree


def _require_known(graph: Graph, subjects: Collection[str]) -> None:
    known = sorted(subject.name for subject in graph.subjects)
    if strange := sorted({*subjects}.difference(known)):
        raise dg.Failure(f"no subject is called {', '.join(strange)}; there are {', '.join(known)}", allow_retries=False)


@dataclass(frozen=True)
class _Outcome:
    """What the stages came to."""

    told: frozenset[str]
    """The subjects to report."""
    things: Mapping[str, Agreed]
    writes: Mapping[str, Due]
    seconds: float

    def is_moving(self, mapping: ResolvedMapping) -> bool:
        """Whether writes of it are on their way. After they arrived, it is planned and looked at again."""
        return any(self.writes[entity.key].is_on_its_way for entity in (mapping.source, mapping.target))


def _run(graph: Graph, world: World, config: Agreeing, assets: Collection[dg.AssetKey]) -> _Outcome:
    """Merge and plan, as far as the selected assets need it."""
    planning = any(key.path[0] != "golden" for key in assets)
    told = news(world) | {*config.subjects} if config.only_news else frozenset(subject.name for subject in graph.subjects)
    before, started = world.hub.position(), world.clock.monotonic()
    if assets:
        merged = merge_stage(world)
        for trip in plan_stage(world, seen=merged.seen).trips if planning else ():
            world.tell(f"guard: {trip.entity}: {trip.reason}; let it pass with `talk approve {trip.hash}`")
    took = world.clock.monotonic() - started
    writes = due(world)
    if planning and not config.dry_run and not any(one.is_on_its_way for one in writes.values()):
        note_loaded(world)
    return _Outcome(told | news(world, since=before), agreed(world, before), writes, took)


def _results(
    graph: Graph,
    world: World,
    config: Agreeing,
    assets: Collection[dg.AssetKey],
    checks: Collection[dg.AssetCheckKey],
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    outcome = _run(graph, world, config, assets)
    mappings = [one for one in graph.resolved.mappings if graph.subject_of[one.source.key] in outcome.told]
    asked = {check.asset_key for check in checks}
    looked_at = [one for one in mappings if mapping_key(one) in asked]
    # Who asks for checks alone wants all of them.
    looked_at = _small(world, looked_at, config.check_up_to) if assets else looked_at
    unasked = [one for one in mappings if mapping_key(one) in {*assets} - asked and not outcome.is_moving(one)]
    seen = _looked_at(world, [*looked_at, *(unasked if _is_quickly_seen(world, unasked) else ())])
    for subject in graph.subjects:
        if subject.name in outcome.told and golden_key(subject.name) in assets:
            sample = sample_of_things(world, subject.name)
            yield golden_result(subject.name, outcome.things[subject.name], sample, outcome.seconds)
    for mapping in mappings:
        if mapping_key(mapping) in assets:
            yield mapping_result(mapping, outcome.writes[mapping.target.key], seen.get(mapping_key(mapping)))
    for entity in graph.written:
        if graph.subject_of[entity.key] in outcome.told and changes_key(entity) in assets:
            sample = sample_of_changes(world, entity.key)
            yield changes_result(entity, outcome.writes[entity.key], sample, dry_run=config.dry_run)
    for mapping in mappings:
        if live := seen.get(mapping_key(mapping)):
            is_asked = mapping_key(mapping) in asked
            results = check_results(mapping, live, on_their_way=outcome.is_moving(mapping))
            yield from (one for one in results if not is_asked or check_key(one) in checks)


def _is_quickly_seen(world: World, mappings: Collection[ResolvedMapping]) -> bool:
    """Whether checks that nobody asked for may be looked at after each edit: that takes all that the hub has of it."""
    return bool(mappings) and sum(one.records for one in kept(world).values()) <= _QUICKLY_SEEN


def _small(world: World, mappings: list[ResolvedMapping], up_to: int) -> list[ResolvedMapping]:
    """Those whose checks cost little."""
    if not mappings:
        return []
    sizes = {key: one.records for key, one in kept(world).items()}
    small = [one for one in mappings if max(sizes[one.source.key], sizes[one.target.key]) <= up_to]
    if larger := len(mappings) - len(small):
        world.tell(f"the checks of {larger} mappings, of more than {up_to:,} records, are left to the job `checks`")
    return small


def _looked_at(world: World, mappings: list[ResolvedMapping]) -> Mapping[dg.AssetKey, LiveMapping]:
    if not mappings:
        return {}
    return {mapping_key(mapping): live for mapping, live in zip(mappings, look_at(world, mappings), strict=True)}
