"""The step that reads systems: pages of JSON → records, and which of them are the same thing."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from pydantic import Field

from talk_assets.assets.engine import Engine, plainly
from talk_assets.assets.entities import entity_result, entity_spec
from talk_assets.assets.graph import LINKS, Graph, entity_key
from talk_assets.assets.links import ALL_READ, all_read, is_otherwise, links_result, links_spec, not_read, tell_all_read
from talk_assets.operator.figures import kept, news, sample_of_records
from talk_assets.sync.ask import ask
from talk_assets.sync.collect import Collected
from talk_assets.sync.doubt.unread import awaited, untried
from talk_assets.sync.linking import link_stage
from talk_assets.sync.world import World

STEP = "read"
NEWS = "talk/news"
"""Tag of a run: `none` where it found nothing to do. Such a run may be forgotten."""
_REPORT_EVERY = timedelta(minutes=15)
_OPEN = "it is read again by one of the next runs, and `talk specs conform {0}` tries its address and its login"
_CLOSED = "what is set for Dagster's daemon and code server counts from their next start on"


class Reading(dg.Config):
    """How to read."""

    full: bool = Field(default=False, description="Read everything, not only what changed: finds deletions as well.")
    only_news: bool = Field(
        default=False,
        description="Report only entities with news, or not reported for a quarter of an hour, and end the run early "
        "where there is nothing to do.",
    )


def read_assets(graph: Graph) -> dg.AssetsDefinition:
    by_key = {entity_key(entity): entity for entity in graph.entities}

    @dg.multi_asset(
        name=STEP,
        specs=[*(entity_spec(graph, entity) for entity in graph.entities), links_spec(graph)],
        check_specs=[ALL_READ],
        can_subset=True,
        op_tags={"talk/stage": "collect"},
    )
    def read(context: dg.AssetExecutionContext, config: Reading, engine: dg.ResourceParam[Engine]):  # noqa: ANN202
        wanted = [entity for key, entity in by_key.items() if key in context.selected_asset_keys]
        with plainly(), engine.online(context, read_only=True) as world:
            waited = awaited(world)
            found: dict[str, tuple[Collected, float]] = {}
            failed: dict[str, str] = {}
            for key, one, seconds in ask(
                world, [entity.key for entity in wanted], full=config.full, is_patient=config.full or not config.only_news
            ):
                if isinstance(one, str):
                    failed[key] = one
                else:
                    found[key] = one, seconds
            told = list(_not_read(world, found, failed))
            if found:
                for line in told:
                    context.log.warning(line)
            started = world.clock.monotonic()
            links = link_stage(world)
            took = world.clock.monotonic() - started
            # What waited for a system to be read is planned, also where it tells nothing.
            has_news = bool(news(world)) or awaited(world) != waited
            known = _reported_lately(context, list(by_key)) if config.only_news else set()
            shown = [
                entity
                for entity in wanted
                if entity.key in found and (_is_news(found[entity.key][0]) or entity_key(entity) not in known)
            ]
            figures = kept(world)
            results = [
                entity_result(entity, found[entity.key], figures[entity.key], sample_of_records(world, entity.key))
                for entity in shown
            ]
            never = untried(world)
        lacking = not_read(context.instance, [entity.key for entity in wanted], failed, never)
        lacking = {key: reason for key, reason in lacking.items() if key in figures}
        if failed and not found:
            tell_all_read(context.instance, lacking)
            said = "\n".join(["nothing could be read:", *told])
            raise dg.Failure(description=said, allow_retries=False)
        yield from results
        # What cannot be read for weeks is told again with whatever else is, or nothing would ever be forgotten of these runs.
        is_failure_told = bool(failed) and (bool(results) or is_otherwise(context.instance, lacking))
        is_told = has_news or is_failure_told or not config.only_news
        if is_told and LINKS in context.selected_asset_keys:
            yield links_result(links, figures, took)
        if ALL_READ.key in context.selected_asset_check_keys:
            yield all_read(lacking)
        else:
            tell_all_read(context.instance, lacking, again=is_told and LINKS in context.selected_asset_keys)
        _tag(context, has_news=is_told or bool(results))

    return read


def _tag(context: dg.AssetExecutionContext, *, has_news: bool) -> None:
    # A run that repeats one without news has its tags.
    if not has_news or NEWS in context.run.tags:
        context.instance.add_run_tags(context.run.run_id, {NEWS: "some" if has_news else "none"})


def _not_read(world: World, found: Collection[str], failed: Mapping[str, str]) -> Iterator[str]:
    """What a person should know of it, in a line for a system of which nothing could be read."""
    for system in dict.fromkeys(key.split(".", 1)[0] for key in failed):
        of = f"{system}."
        reasons = {key: reason for key, reason in failed.items() if key.startswith(of)}
        if len(reasons) > 1 and not any(key.startswith(of) for key in found):
            reasons = {f"{system} ({', '.join(key.removeprefix(of) for key in reasons)})": next(iter(reasons.values()))}
        for what, reason in reasons.items():
            yield f"{what} could not be read: {reason}; {_CLOSED if system in world.closed else _OPEN.format(system)}"


def _is_news(read: Collected) -> bool:
    return bool(read.new or read.changed or read.gone or read.problems)


def _reported_lately(context: dg.AssetExecutionContext, keys: Sequence[dg.AssetKey]) -> set[dg.AssetKey]:
    since = (datetime.now(UTC) - _REPORT_EVERY).timestamp()
    entries = [record.asset_entry for record in context.instance.get_asset_records(keys)]
    last = {entry.asset_key: entry.last_materialization_record for entry in entries}
    return {key for key, record in last.items() if record is not None and record.timestamp > since}
