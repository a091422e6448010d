"""Runs in processes that fork from one which has imported everything: to start one from nothing takes seconds."""

import gc
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import dagster as dg
from dagster._cli.api import _execute_run_command_body
from dagster._config.config_schema import UserConfigSchema
from dagster._core.instance.ref import InstanceRef
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus
from dagster._serdes import ConfigurableClass, ConfigurableClassData
from dagster._utils.interrupts import capture_interrupts

PROCESS = ".dagster/talk_process"
"""The tag of a run, not shown, that says where it runs: machine, number of the process, and when that began."""
_IMPORTED = ("__main__", "upath", "dagster._cli.api", "talk_assets.definitions")
"""Beside what the launching process has of Dagster: that is what the run's own instance is made of."""


class WarmRunLauncher(RunLauncher, ConfigurableClass):
    """Named in dagster.yaml. The specs are read by each run anew; the program itself is the one that was there at the first."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        super().__init__()

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        del config_value
        return cls(inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        run_id = context.dagster_run.run_id
        forks = multiprocessing.get_context("forkserver")
        forks.set_forkserver_preload([*(name for name in [*sys.modules] if name.startswith("dagster.")), *_IMPORTED])
        process = forks.Process(target=work, args=(self._instance.get_ref(), run_id), name=f"run {run_id}")
        process.start()
        self._instance.add_run_tags(run_id, {PROCESS: _named(process.pid or 0)})

    def terminate(self, run_id: str) -> bool:
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        process = _there(run)
        if process is None:
            self._instance.report_engine_event(f"No process of this machine works on the run: {run.tags.get(PROCESS)}", run)
            return False
        self._instance.report_run_canceling(run)
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGTERM)
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        told = run.tags.get(PROCESS, "")
        if told.partition(" ")[0] != socket.gethostname():
            return CheckRunHealthResult(WorkerStatus.RUNNING, "on another machine, as far as anybody can tell from here")
        if _there(run) is None:
            return CheckRunHealthResult(WorkerStatus.FAILED, "its process is gone")
        return CheckRunHealthResult(WorkerStatus.RUNNING)


def work(instance: InstanceRef, run_id: str) -> None:
    """The life of the process of a run. What goes wrong stands in the events of the run."""
    # To look for garbage in what it forked with takes a tenth of a second each time, and copies it.
    gc.freeze()
    with dg.DagsterInstance.from_ref(instance) as here, capture_interrupts():
        _execute_run_command_body(run_id, here, lambda _: None, set_exit_code_on_failure=False)


def _there(run: dg.DagsterRun) -> int | None:
    """The process of a run, if it lives on this machine: its number alone may be another one's by now."""
    told = run.tags.get(PROCESS, "")
    match told.split():
        case [_, number, _] if told == _named(int(number)):
            return int(number)
        case _:
            # Also where it had ended before it could be named.
            return None


def _named(process: int) -> str:
    """Where nothing tells when processes began, whether it lives has to do; without the last part it does not."""
    began = ""
    with suppress(OSError):
        os.kill(process, 0)
        began = "alive"
    with suppress(OSError):
        began = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    return f"{socket.gethostname()} {process} {began}"
