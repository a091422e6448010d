"""Runs fork from a process that has imported everything: they end, are stopped and die as any others do."""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.launcher import LaunchRunContext, WorkerStatus

from talk_assets.automation.launcher import PROCESS, WarmRunLauncher

BEGUN = "begun"
"""A tag: the pipe that a run writes to as soon as it has begun, and then waits."""


@dg.op
def begin(context: dg.OpExecutionContext) -> None:
    if place := context.run.tags.get(BEGUN):
        Path(place).write_text("begun")
        signal.pause()


@dg.job(executor_def=dg.in_process_executor)
def waiting() -> None:
    begin()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    launcher = {"module": WarmRunLauncher.__module__, "class": WarmRunLauncher.__name__}
    (tmp_path / "dagster.yaml").write_text(f"run_launcher: {launcher}\ntelemetry: {{enabled: false}}\n")
    with dg.DagsterInstance.from_config(str(tmp_path)) as found:
        yield found


def launched(instance: dg.DagsterInstance, tags: dict[str, str] | None = None) -> str:
    origin = dg.reconstructable(waiting).get_python_origin()
    run = instance.create_run_for_job(waiting, job_code_origin=origin, tags=tags)
    instance.run_launcher.launch_run(LaunchRunContext(run, workspace=None))
    return run.run_id


def ended(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun:
    for process in multiprocessing.active_children():
        process.join()
    run = instance.get_run_by_id(run_id)
    assert run
    return run


@pytest.mark.long
def test_a_run_does_its_work_and_says_where(instance: dg.DagsterInstance):
    run = ended(instance, launched(instance))
    assert run.status is dg.DagsterRunStatus.SUCCESS
    assert run.tags[PROCESS]
    assert instance.run_launcher.check_run_worker_health(run).status is WorkerStatus.FAILED, "its process is gone"
    assert not instance.run_launcher.terminate(run.run_id)


@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_a_run_can_be_stopped_and_its_death_is_seen(instance: dg.DagsterInstance, tmp_path: Path, end: str):
    pipe = tmp_path / "begun"
    os.mkfifo(pipe)
    run_id = launched(instance, {BEGUN: str(pipe)})
    pipe.read_text()
    run = instance.get_run_by_id(run_id)
    assert run
    assert instance.run_launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    if end == "stopped":
        assert instance.run_launcher.terminate(run_id)
        assert ended(instance, run_id).status is dg.DagsterRunStatus.CANCELED
    else:
        os.kill(int(run.tags[PROCESS].split()[1]), signal.SIGKILL)
        dead = ended(instance, run_id)
        assert instance.run_launcher.check_run_worker_health(dead).status is WorkerStatus.FAILED


def test_a_run_whose_process_ended_before_it_was_named_is_gone(instance: dg.DagsterInstance):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    tags = {PROCESS: f"{socket.gethostname()} {dead.pid} "}
    run = instance.create_run_for_job(waiting, tags=tags, status=dg.DagsterRunStatus.STARTED)
    assert instance.run_launcher.check_run_worker_health(run).status is WorkerStatus.FAILED
    assert not instance.run_launcher.terminate(run.run_id)


def test_a_run_on_another_machine_is_left_alone(instance: dg.DagsterInstance):
    run = instance.create_run_for_job(waiting, tags={PROCESS: "elsewhere 1 1"}, status=dg.DagsterRunStatus.STARTED)
    assert instance.run_launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    assert not instance.run_launcher.terminate(run.run_id)
    found = instance.get_run_by_id(run.run_id)
    assert found
    assert found.status is dg.DagsterRunStatus.STARTED
