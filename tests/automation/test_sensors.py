"""When runs are launched: by what was materialised, once each, and never over one another."""

import json
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest

from talk_assets.assets.read import NEWS
from talk_assets.automation.alert import VARIABLE as ALERT_URL
from talk_assets.automation.jobs import JOB, POLL, READS
from talk_assets.definitions import definitions
from tests.assets.test_definitions import broken

SPECS = Path("mapping_specs").absolute()
EARLIER, LATER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, 14, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def repository() -> dg.RepositoryDefinition:
    return definitions(SPECS).get_repository_def()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as one:
        yield one


def report(instance: dg.DagsterInstance, key: str, **figures: Any) -> None:
    told = {name.replace("_", " "): value for name, value in figures.items()}
    instance.report_runless_asset_event(dg.AssetMaterialization(key.split("/"), metadata=told))


def tick(
    repository: dg.RepositoryDefinition, instance: dg.DagsterInstance, name: str, cursor: str | None = None
) -> tuple[dg.RunRequest | str, str | None]:
    """The run that a sensor asks for, or why it asks for none; and its cursor."""
    context = dg.build_sensor_context(instance=instance, cursor=cursor, repository_def=repository)
    answer = repository.get_sensor_def(name)(context)
    assert isinstance(answer, dg.RunRequest | dg.SkipReason)
    return (answer if isinstance(answer, dg.RunRequest) else answer.skip_message or ""), context.cursor


def asked(answer: dg.RunRequest | str) -> dg.RunRequest:
    assert isinstance(answer, dg.RunRequest), answer
    return answer


def start_run(
    instance: dg.DagsterInstance, tag: str, value: str, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED
) -> str:
    run = dg.DagsterRun(job_name="plan", run_id=str(uuid4()), status=status, tags={tag: value})
    return instance.add_run(run).run_id


def test_what_is_ready_is_pushed_to_its_system_and_no_other(repository: dg.RepositoryDefinition, instance: dg.DagsterInstance):
    report(instance, "invoiced/invoices_changes", ready=3)
    report(instance, "poweroffice_go/customers_changes", ready=0)
    answer, cursor = tick(repository, instance, "push")
    request = asked(answer)
    assert {key.path[0] for key in request.asset_selection or ()} == {"invoiced"}
    assert {key.path[1] for key in request.asset_selection or ()} >= {"invoices_delivered", "customers_company_delivered"}
    assert tick(repository, instance, "push", cursor)[0] == "nothing new is ready to be written"


def test_the_same_plan_has_the_same_run_key_after_a_lost_cursor(
    repository: dg.RepositoryDefinition, instance: dg.DagsterInstance
):
    report(instance, "invoiced/invoices_changes", ready=3)
    keys = {asked(tick(repository, instance, "push")[0]).run_key for _ in range(2)}
    assert len(keys) == 1
    report(instance, "invoiced/invoices_changes", ready=3)
    assert asked(tick(repository, instance, "push")[0]).run_key not in keys


def test_what_is_ready_is_pushed_also_after_all_runs_were_deleted(
    repository: dg.RepositoryDefinition, stored: dg.DagsterInstance
):
    """As `dagster run wipe` does, which leaves cursors: SQLite numbers what is told from 1 again."""
    for _ in range(3):
        report(stored, "invoiced/invoices_changes", ready=3)
    _, cursor = tick(repository, stored, "push")
    stored.wipe()
    report(stored, "invoiced/invoices_changes", ready=1)
    answer, cursor = tick(repository, stored, "push", cursor)
    asked(answer)
    assert tick(repository, stored, "push", cursor)[0] == "nothing new is ready to be written"


def test_after_writes_it_is_planned_again_also_after_all_runs_were_deleted(
    repository: dg.RepositoryDefinition, stored: dg.DagsterInstance
):
    for _ in range(3):
        report(stored, "invoiced/invoices_delivered", written=1)
    _, cursor = tick(repository, stored, "replan")
    stored.wipe()
    report(stored, "custom_erp/product_delivered", written=2)
    answer, cursor = tick(repository, stored, "replan", cursor)
    assert asked(answer).run_config["ops"]["agree"]["config"]["subjects"] == ["product"]
    assert tick(repository, stored, "replan", cursor)[0] == "nothing was written since"


@pytest.mark.parametrize("cursor", ["", "3", "none", "[1]", '{"seen": "x"}'])
def test_a_cursor_that_somebody_edited_stops_no_sensor(
    repository: dg.RepositoryDefinition, instance: dg.DagsterInstance, cursor: str
):
    report(instance, "invoiced/invoices_changes", ready=3)
    asked(tick(repository, instance, "push", cursor)[0])
    for _ in range(3):
        report(instance, "invoiced/invoices_delivered", written=3, left_ready=0)
    asked(tick(repository, instance, "replan", cursor)[0])


def test_a_write_without_an_answer_is_looked_for(repository: dg.RepositoryDefinition, instance: dg.DagsterInstance):
    report(instance, "custom_erp/customer_changes", ready=0, unsettled=1)
    asked(tick(repository, instance, "push")[0])


def test_a_dry_run_is_not_pushed(repository: dg.RepositoryDefinition, instance: dg.DagsterInstance):
    report(instance, "invoiced/invoices_changes", ready=3, dry_run=True)
    assert tick(repository, instance, "push")[0] == "nothing new is ready to be written"


def test_a_dry_run_does_not_end_what_is_left_to_be_pushed(repository: dg.RepositoryDefinition, instance: dg.DagsterInstance):
    report(instance, "invoiced/invoices_delivered", written=0, left_ready=3, in_vain=1)
    report(instance, "invoiced/invoices_changes", ready=3, dry_run=True)
    asked(tick(repository, instance, "push")[0])


def test_what_was_written_since_it_was_planned_is_not_pushed_again(
    repository: dg.RepositoryDefinition, instance: dg.DagsterInstance
):
    report(instance, "invoiced/invoices_changes", ready=3)
    report(instance, "invoiced/invoices_delivered", written=3, left_ready=0, left_unsettled=0)
    assert tick(repository, instance, "push")[0] == "nothing new is ready to be written"


def test_what_was_written_to_in_vain_is_tried_again_when_its_time_has_come(
    repository: dg.RepositoryDefinition, instance: dg.DagsterInstance
):
    """Also where nothing is planned anew meanwhile."""
    report(instance, "invoiced/invoices_changes", ready=3)
    _, cursor = tick(repository, instance, "push")
    vain = {"written": 0, "left_ready": 3, "in_vain": 1}
    report(instance, "invoiced/invoices_delivered", **vain, again_at=dg.MetadataValue.timestamp(LATER))
    said, cursor = tick(repository, instance, "push", cursor)
    assert said == f"the last attempts came to nothing; tried again: invoiced from {LATER:%H:%M:%S} UTC on"
    report(instance, "invoiced/invoices_changes", ready=3)
    assert tick(repository, instance, "push", cursor)[0] == said
    report(instance, "invoiced/invoices_delivered", **vain, again_at=dg.MetadataValue.timestamp(EARLIER))
    answer, cursor = tick(repository, instance, "push", cursor)
    assert dg.AssetKey(["invoiced", "invoices_delivered"]) in (asked(answer).asset_selection or ())
    assert tick(repository, instance, "push", cursor)[0] == "nothing new is ready to be written"


def test_what_rests_keeps_nothing_else_from_being_pushed(repository: dg.RepositoryDefinition, instance: dg.DagsterInstance):
    again_at = dg.MetadataValue.timestamp(LATER)
    report(instance, "invoiced/invoices_delivered", written=0, left_ready=1, in_vain=1, again_at=again_at)
    report(instance, "invoiced/customers_company_changes", ready=1)
    request = asked(tick(repository, instance, "push")[0])
    keys = {key.to_user_string() for key in request.asset_selection or ()}
    assert "invoiced/customers_company_delivered" in keys
    assert "invoiced/invoices_delivered" not in keys


def test_what_a_push_left_is_pushed_without_another_plan(repository: dg.RepositoryDefinition, instance: dg.DagsterInstance):
    report(instance, "invoiced/invoices_changes", ready=900)
    _, cursor = tick(repository, instance, "push")
    report(instance, "invoiced/invoices_delivered", written=800, left_ready=100, in_vain=0)
    asked(tick(repository, instance, "push", cursor)[0])


def test_a_push_waits_for_the_one_before(repository: dg.RepositoryDefinition, instance: dg.DagsterInstance):
    report(instance, "invoiced/invoices_changes", ready=3)
    run = start_run(instance, JOB, "push")
    said, cursor = tick(repository, instance, "push")
    assert said == "something is being written already"
    instance.report_run_canceled(instance.get_run_by_id(run))  # type: ignore[arg-type]
    asked(tick(repository, instance, "push", cursor)[0])


def test_a_push_waits_until_the_plan_is_complete(repository: dg.RepositoryDefinition, instance: dg.DagsterInstance):
    @dg.op
    def planning(context: dg.OpExecutionContext) -> str:
        context.log_event(dg.AssetMaterialization(["invoiced", "invoices_changes"], metadata={"ready": 1}))
        return str(tick(repository, context.instance, "push")[0])

    @dg.job
    def half_way() -> None:
        planning()

    result = half_way.execute_in_process(instance=instance)
    assert result.output_for_node("planning") == "the plan is not complete yet"
    asked(tick(repository, instance, "push")[0])


def test_after_writes_it_is_planned_again_for_what_they_were_about(
    repository: dg.RepositoryDefinition, instance: dg.DagsterInstance
):
    report(instance, "invoiced/invoices_delivered", written=2, refused=0)
    report(instance, "custom_erp/product_delivered", written=0, refused=0)
    answer, cursor = tick(repository, instance, "replan")
    assert asked(answer).run_config["ops"]["agree"]["config"]["subjects"] == ["order"]
    assert tick(repository, instance, "replan", cursor)[0] == "nothing was written since"


def test_it_is_planned_again_also_if_the_last_push_wrote_nothing(
    repository: dg.RepositoryDefinition, instance: dg.DagsterInstance
):
    report(instance, "invoiced/invoices_delivered", written=5, left_ready=3)
    push = start_run(instance, JOB, "push")
    said, cursor = tick(repository, instance, "replan")
    assert said == "writing or planning is under way"
    report(instance, "invoiced/invoices_delivered", written=0, left_ready=3, in_vain=1)
    run = instance.get_run_by_id(push)
    assert run
    instance.report_run_canceled(run)
    answer, cursor = tick(repository, instance, "replan", cursor)
    assert asked(answer).run_config["ops"]["agree"]["config"]["subjects"] == ["order"]
    assert tick(repository, instance, "replan", cursor)[0] == "nothing was written since"


def test_a_subject_that_is_called_otherwise_since_is_not_asked_for(
    repository: dg.RepositoryDefinition, instance: dg.DagsterInstance
):
    report(instance, "invoiced/invoices_delivered", written=2)
    answer, _ = tick(repository, instance, "replan", json.dumps({"seen": 0, "owed": ["bill"]}))
    assert asked(answer).run_config["ops"]["agree"]["config"]["subjects"] == ["order"]


def test_nothing_is_polled_before_the_first_sync(repository: dg.RepositoryDefinition, instance: dg.DagsterInstance):
    assert "launch the job `sync` first" in str(tick(repository, instance, "poll")[0])


def test_systems_are_polled_when_they_were_not_just_now(repository: dg.RepositoryDefinition, instance: dg.DagsterInstance):
    report(instance, "hub/links")
    request = asked(tick(repository, instance, "poll")[0])
    assert request.run_config["ops"]["read"]["config"] == {"full": False, "only_news": True}
    start_run(instance, POLL, "true", dg.DagsterRunStatus.SUCCESS)
    assert tick(repository, instance, "poll")[0] == "they were read just now"


def test_runs_that_found_nothing_are_forgotten_but_for_the_newest_of_each_kind(
    repository: dg.RepositoryDefinition, instance: dg.DagsterInstance
):
    read = dg.DagsterRun(
        job_name="plan", run_id=str(uuid4()), status=dg.DagsterRunStatus.SUCCESS, tags={NEWS: "none", READS: "invoiced"}
    )
    instance.add_run(read)
    idle = [start_run(instance, NEWS, "none", dg.DagsterRunStatus.SUCCESS) for _ in range(3)]
    other = start_run(instance, JOB, "plan", dg.DagsterRunStatus.SUCCESS)
    assert tick(repository, instance, "forget")[0] == "2 runs without news were forgotten"
    assert {run.run_id for run in instance.get_runs()} == {read.run_id, idle[-1], other}


def test_a_deleted_run_leaves_nothing_on_the_disk_and_a_known_one_keeps_its_log(
    repository: dg.RepositoryDefinition, tmp_path: Path
):
    @dg.op
    def read() -> None:
        """Finds nothing."""

    @dg.job
    def plan() -> None:
        read()

    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        known, deleted = (plan.execute_in_process(instance=instance, tags={JOB: "plan"}).run_id for _ in range(2))
        instance.delete_run(deleted)
        other = tmp_path / "history" / "runs" / "mine.db"
        other.touch()
        assert (other.parent / f"{deleted}.db").exists()
        tick(repository, instance, "forget")
        left = {path.name for path in other.parent.iterdir()}
        assert {f"{known}.db", "index.db", "mine.db"} <= left
        assert not [path for path in tmp_path.rglob("*") if deleted in path.name]
        assert instance.all_logs(known)


def test_sensors_rest_while_specs_are_broken(tmp_path: Path, instance: dg.DagsterInstance):
    repository = definitions(broken(tmp_path)).get_repository_def()
    for name in ("push", "replan", "poll"):
        assert "specs have errors" in str(tick(repository, instance, name)[0])
    (schedule, *_) = repository.schedule_defs
    data = schedule.evaluate_tick(dg.build_schedule_context(instance=instance))
    assert "specs have errors" in (data.skip_message or "")


def test_sensors_rest_while_edited_specs_are_broken_or_ask_for_other_assets(tmp_path: Path, instance: dg.DagsterInstance):
    """And not for an edit that runs read anew."""
    specs = tmp_path / "specs"
    shutil.copytree(SPECS, specs)
    repository = definitions(specs).get_repository_def()
    report(instance, "invoiced/invoices_changes", ready=3)
    report(instance, "hub/links")
    flow = specs / "dataflows" / "customerp_powerofficego.yaml"
    text = flow.read_text(encoding="utf-8")
    flow.write_text(f"{text}# edited\n", encoding="utf-8")
    asked(tick(repository, instance, "push")[0])
    flow.write_text(text.replace("target: LastName", "target: Lastnam"), encoding="utf-8")
    for name in ("push", "replan", "poll"):
        assert "until they are mended" in str(tick(repository, instance, name)[0])
    flow.unlink()
    for name in ("push", "replan", "poll"):
        said = str(tick(repository, instance, name)[0])
        assert "until the code location is reloaded" in said
    flow.write_text(text, encoding="utf-8")
    asked(tick(repository, instance, "poll")[0])


@pytest.fixture
def stored() -> Iterator[dg.DagsterInstance]:
    """Schedules want one that can be opened again."""
    with dg.instance_for_test() as one:
        yield one


def requested(schedule: dg.ScheduleDefinition, instance: dg.DagsterInstance) -> Sequence[dg.RunRequest]:
    return schedule.evaluate_tick(dg.build_schedule_context(instance=instance)).run_requests or []


def test_a_schedule_reads_its_system_agrees_and_plans(repository: dg.RepositoryDefinition, stored: dg.DagsterInstance):
    schedule = repository.get_schedule_def("read_invoiced")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("*/5 * * * *", "UTC")
    (request,) = requested(schedule, stored)
    selected = {key.to_user_string() for key in request.asset_selection or ()}
    assert {"invoiced/invoices", "hub/links", "golden/order", "custom_erp/order_changes"} <= selected
    assert "poweroffice_go/salesorders" not in selected
    assert not any(key.endswith("_delivered") for key in selected)
    start_run(stored, READS, "invoiced")
    again = schedule.evaluate_tick(dg.build_schedule_context(instance=stored))
    assert again.skip_message == "Invoiced is being read already"


def test_all_of_a_system_is_read_at_quieter_hours(repository: dg.RepositoryDefinition, stored: dg.DagsterInstance):
    schedule = repository.get_schedule_def("read_all_of_crm_office")
    assert schedule.cron_schedule == "45 2 * * *"
    (request,) = requested(schedule, stored)
    assert request.run_config["ops"]["read"]["config"]["full"] is True


def test_all_of_a_system_is_read_also_while_its_news_are(repository: dg.RepositoryDefinition, stored: dg.DagsterInstance):
    """Both begin in the same minute, and what is left out then is left out for a day."""
    full, news = (repository.get_schedule_def(name) for name in ("read_all_of_crm_office", "read_crm_office"))
    start_run(stored, READS, "crm_office")
    start_run(stored, JOB, "sync")
    (request,) = requested(full, stored)
    stored.add_run(dg.DagsterRun("plan", run_id=str(uuid4()), status=dg.DagsterRunStatus.STARTED, tags=request.tags))
    assert not requested(full, stored)
    assert not requested(news, stored)


def test_after_days_off_all_records_are_looked_at_once(repository: dg.RepositoryDefinition, stored: dg.DagsterInstance):
    """Dagster makes up for the last five times."""
    schedule = repository.get_schedule_def("check_all")
    (request,) = requested(schedule, stored)
    stored.add_run(dg.DagsterRun("checks", run_id=str(uuid4()), status=dg.DagsterRunStatus.STARTED, tags=request.tags))
    assert not requested(schedule, stored)


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[Any]]]:
    """An address on this machine, and what was posted to it."""
    posted: list[Any] = []

    class Desk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            if self.path == "/hook":
                self.send_response(204)
                self.end_headers()
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/secret-path")
                self.end_headers()
            if self.path == "/odd":
                self.wfile.write(b"secret-path\r\n\r\n")

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Desk)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", posted
    server.shutdown()
    thread.join()
    server.server_close()


def failed_run(
    instance: dg.DagsterInstance, words: str = "nothing could be read", tags: dict[str, str] | None = None
) -> dg.RunStatusSensorContext:
    @dg.op
    def read() -> None:
        raise dg.Failure(words)

    @dg.job
    def plan() -> None:
        read()

    result = plan.execute_in_process(instance=instance, raise_on_error=False, tags=tags)
    return dg.build_run_status_sensor_context("alert", result.get_run_failure_event(), instance, result.dagster_run)


@dataclass(frozen=True)
class Desk:
    """The alert sensor, at work."""

    instance: dg.DagsterInstance
    sensor: dg.SensorDefinition
    posted: list[Any]

    def fails(self, words: str = "nothing could be read", **tags: str) -> str | None:
        """What is posted when a run fails."""
        before = len(self.posted)
        self.sensor(failed_run(self.instance, words, {f"talk/{name}": value for name, value in tags.items()}).for_run_failure())
        return self.posted[-1]["text"] if len(self.posted) > before else None


@pytest.fixture
def desk(
    repository: dg.RepositoryDefinition,
    instance: dg.DagsterInstance,
    webhook: tuple[str, list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    url, posted = webhook
    monkeypatch.setenv(ALERT_URL, url)
    return Desk(instance, repository.get_sensor_def("alert"), posted)


def test_a_failed_run_is_told_to_the_webhook_in_its_own_words(desk: Desk):
    told = desk.fails()
    assert told
    assert "of plan failed in read: nothing could be read" in told


def test_a_failure_is_told_once_until_it_went_well(desk: Desk):
    for system in ("invoiced", "crm_office"):
        words = f"{system} is down, request 4f1c"
        assert desk.fails(words, reads=system)
        assert desk.fails(words.replace("4f1c", "77ab"), reads=system) is None
    start_run(desk.instance, "talk/reads", "invoiced", dg.DagsterRunStatus.SUCCESS)
    assert desk.fails("crm_office is down, request 8", reads="crm_office") is None
    assert desk.fails("invoiced is down, request 9", reads="invoiced")
    assert desk.fails("invoiced is down, request 9\nand so is its town", reads="invoiced")


def test_a_failure_of_whatever_runs_is_told_once(desk: Desk):
    assert desk.fails("the hub is gone", reads="invoiced")
    assert desk.fails("the hub is gone", reads="crm_office") is None


def test_a_closed_system_is_told_once_whatever_else_is_written(desk: Desk):
    assert desk.fails("invoiced does not let us in", failed="anew")
    start_run(desk.instance, "talk/reads", "invoiced", dg.DagsterRunStatus.SUCCESS)
    assert desk.fails("invoiced does not let us in", failed="again") is None
    assert desk.fails("invoiced does not let us in", failed="again") is None
    assert desk.fails("invoiced does not let us in", failed="anew")


def test_a_failure_that_could_not_be_told_is_told_with_the_next_run(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as unreachable:
        unreachable.setenv(ALERT_URL, "http://127.0.0.1:9/")
        with pytest.raises(dg.Failure):
            desk.fails(failed="anew")
    assert desk.fails(failed="again")


def test_without_a_webhook_nobody_is_told(
    repository: dg.RepositoryDefinition, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv(ALERT_URL, raising=False)
    answer = repository.get_sensor_def("alert")(failed_run(instance).for_run_failure())
    assert isinstance(answer, dg.SkipReason)


@pytest.mark.parametrize("is_there", [False, True])
def test_a_webhook_that_does_not_answer_is_said_without_its_address(
    repository: dg.RepositoryDefinition,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    webhook: tuple[str, list[Any]],
    is_there: bool,
):
    """Nobody listens there, or who does hangs up."""
    url = webhook[0] if is_there else "http://127.0.0.1:9/hook"
    monkeypatch.setenv(ALERT_URL, url.replace("hook", "secret-path"))
    with pytest.raises(dg.Failure) as failure:
        repository.get_sensor_def("alert")(failed_run(instance).for_run_failure())
    assert "secret-path" not in str(failure.value.description)
    assert ALERT_URL in str(failure.value.description)


@pytest.mark.parametrize("path", ["moved", "odd", "secret path", "secret-ø"])
def test_a_webhook_that_leads_elsewhere_or_cannot_be_asked_took_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch, path: str):
    with monkeypatch.context() as wrong:
        wrong.setenv(ALERT_URL, os.environ[ALERT_URL].replace("hook", path))
        with pytest.raises(dg.Failure) as failure:
            desk.fails()
    assert ALERT_URL in str(failure.value.description)
    assert "secret" not in str(failure.value.description)
    assert desk.fails()


def test_a_password_in_the_address_of_a_webhook_is_not_shown(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(ALERT_URL, "https://kari:secret@127.0.0.1/hook")
    with pytest.raises(dg.Failure) as failure:
        desk.fails()
    assert "secret" not in str(failure.value.description)
