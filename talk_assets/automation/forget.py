"""Forgetting runs that found nothing, with all that they left on the disk."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import dagster as dg

from talk_assets.assets.read import NEWS
from talk_assets.automation.jobs import kind_of
from talk_assets.automation.switch import sensors_are

_EVERY = 60
_AT_ONCE = 50
_SUFFIXES = ("", "-wal", "-shm", "-journal")


def forget_sensor() -> dg.SensorDefinition:
    @dg.sensor(
        name="forget",
        minimum_interval_seconds=_EVERY,
        default_status=sensors_are(),
        description="Takes away the logs of runs that found nothing to do and reported nothing, but for the newest of each "
        "kind, and what runs that are deleted have left on the disk: Dagster keeps all of it for ever.",
    )
    def forget(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        forgotten = 0
        for run in _idle(context.instance):
            context.instance.delete_run(run.run_id)
            forgotten += 1
        _sweep(context.instance)
        return dg.SkipReason(f"{forgotten} runs without news were forgotten")

    return forget


def _idle(instance: dg.DagsterInstance) -> Iterator[dg.DagsterRun]:
    """But for the newest of each kind, which says that all is well again."""
    kinds: list[dict[str, str]] = []
    for run in instance.get_runs(dg.RunsFilter(tags={NEWS: "none"}, statuses=[dg.DagsterRunStatus.SUCCESS]), limit=_AT_ONCE):
        if (kind := kind_of(run)) in kinds:
            yield run
        kinds.append(kind)


def _sweep(instance: dg.DagsterInstance) -> None:
    """In SQLite each run has a file of events. Where the run is deleted, the file is emptied and stays."""
    # Whoever has an instance has imported this; others load all definitions in three quarters of the time without it.
    from dagster._core.storage.event_log import SqliteEventLogStorage  # noqa: PLC0415

    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        return
    # In this order: a run is known before it has a file.
    there = [name for name in storage.get_all_run_ids() if _is_run_id(name)]
    known = {*instance.get_run_ids()}
    for run_id in there:
        if run_id not in known:
            # Where somebody is just reading it, Windows does not let go of it before the next time.
            with suppress(PermissionError):
                instance.compute_log_manager.delete_logs(prefix=[run_id])
                for suffix in _SUFFIXES:
                    Path(f"{storage.path_for_shard(run_id)}{suffix}").unlink(missing_ok=True)


def _is_run_id(name: str) -> bool:
    with suppress(ValueError):
        return str(UUID(name)) == name
    return False
