"""Runs of the assets: what they materialise, what they leave alone, and what they say."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from pydantic import ValidationError

from talk_assets.assets.agree import Agreeing
from talk_assets.assets.deliveries import AGAIN, ANEW, FAILED, Delivering
from talk_assets.assets.engine import Engine
from talk_assets.assets.graph import Graph, mapping_key
from talk_assets.assets.links import ALL_READ
from talk_assets.assets.read import NEWS, Reading, read_assets
from talk_assets.hub.tables import cursors
from talk_assets.operator import undoing
from talk_assets.sandbox.faults import Fault
from talk_assets.sync.arriving.blot import blotted
from talk_assets.sync.collect import collect
from talk_assets.sync.doubt import unread
from talk_assets.sync.world import World
from talk_assets.systems.calling.http import Answer, Call
from talk_assets.systems.calling.silence import Silence
from talk_assets.systems.clock import SystemClock
from talk_assets.systems.errors import NotSent
from tests.assets.studio import (
    DELIVER,
    PLAN,
    REPLAN,
    SPECS,
    Kept,
    Studio,
    WorldAtHand,
    failed_checks,
    keep,
    made,
    only,
    studio,
    words,
)

EMPLOYEE = {
    "number": 9171,
    "firstName": "Kanarigunn",
    "lastName": "Kvitreheim",
    "email": "kanari@canary.example",
    "phone": "+4799887766",
    "jobTitle": "Kanarivokter",
    "dateOfBirth": "1971-03-09",
    "address.line1": "Kanarifaret 17",
    "address.line2": "Oppgang Kvitre",
    "address.city": "Kanarivik",
}
CUSTOMER = {"FirstName": "Gullfinka", "LastName": "Siskenes", "EmailAddress": "finka@canary.example", "PhoneNumber": "90807060"}
CANARIES = [value for value in (*EMPLOYEE.values(), *CUSTOMER.values()) if isinstance(value, str)]
CANARY = "Møte med Kanarigunn"
QUIETLY = {"reading": Reading(only_news=True), "agreeing": Agreeing(only_news=True)}


@pytest.fixture
def fresh() -> Iterator[Studio]:
    """Before anything was read."""
    with studio(2) as one:
        yield one


@pytest.fixture(scope="module")
def kept() -> Iterator[Kept]:
    with studio(3) as one:
        assert one.run().success
        one.run(PLAN, **QUIETLY)
        yield keep(one)


@pytest.fixture
def synced(kept: Kept) -> Iterator[Studio]:
    """After the first sync."""
    with kept() as one:
        yield one


def tags(one: Studio, result: dg.ExecuteInProcessResult) -> dict[str, str]:
    run = one.instance.get_run_by_id(result.run_id)
    assert run
    return dict(run.tags)


def warnings(one: Studio, result: dg.ExecuteInProcessResult) -> list[str]:
    """What the log of a run shows as such."""
    return [entry.user_message for entry in one.instance.all_logs(result.run_id) if entry.level == logging.WARNING]


def not_read(result: dg.ExecuteInProcessResult) -> set[str]:
    told = failed_checks(result)["hub/links all_read"].metadata["not read"].value
    assert isinstance(told, dict)
    return {*told}


def test_the_first_sync_reads_agrees_and_writes_and_the_next_writes_nothing_and_ends_the_first_load(fresh: Studio):
    first = fresh.run()
    assert first.success
    assert len(made(first)) == 24 + 1 + 8 + 18 + 24 + 24
    assert sum(told["written"] for key, told in made(first).items() if key.endswith("_delivered")) > 0
    # So that `talk undo` and `talk history` know it by the id that Dagster shows.
    assert [one.run for one in undoing.runs(fresh.world, 10)] == [first.run_id]
    writes = fresh.writes()
    assert cursors.position(fresh.world.hub, "loaded poweroffice_go.customers") is None
    again = fresh.run()
    assert again.success
    assert fresh.writes() == writes > 0
    assert not failed_checks(again)
    assert cursors.position(fresh.world.hub, "loaded poweroffice_go.customers") is True


def test_nothing_is_planned_before_every_system_was_read(fresh: Studio):
    result = fresh.run(only("crm_office/contacts") | REPLAN)
    assert not result.success
    (said,) = words(result)
    assert "never read" in said
    assert "`sync`" in said
    quietly = fresh.run(only("crm_office/contacts") | REPLAN, **QUIETLY)
    assert quietly.success
    assert not any(key.endswith("_changes") for key in made(quietly))
    refused = fresh.run(DELIVER)
    assert "never read" in words(refused)[0]
    assert fresh.writes() == 0


@pytest.mark.parametrize("is_check", [True, False])
def test_nothing_is_told_of_systems_that_nobody_ever_read(fresh: Studio, is_check: bool):
    mapping = mapping_key(fresh.graph.resolved.mappings[0])
    result = fresh.run(dg.AssetSelection.checks_for_assets(mapping) if is_check else only("golden/order"))
    assert "never read" in words(result)[0]
    assert not made(result)
    assert not result.get_asset_check_evaluations()


def test_a_dry_run_of_writes_is_refused_before_every_system_was_read(fresh: Studio):
    assert "never read" in words(fresh.run(DELIVER, delivering=Delivering(dry_run=True)))[0]


def test_systems_that_nobody_ever_read_are_named_until_they_are(fresh: Studio):
    asked = dg.AssetSelection.checks(ALL_READ.key)
    every = {entity.key for entity in fresh.graph.entities}
    result = fresh.run(asked)
    assert not_read(result) == every
    assert "`sync`" in (failed_checks(result)["hub/links all_read"].description or "")
    collect(fresh.world, "crm_office.contacts")
    assert not_read(fresh.run(asked)) == every - {"crm_office.contacts"}


def test_a_run_without_news_reports_nothing_and_says_so(synced: Studio):
    synced.run(PLAN, **QUIETLY)
    result = synced.run(PLAN, **QUIETLY)
    assert result.success
    assert made(result) == {}
    assert tags(synced, result)[NEWS] == "none"


def test_a_run_that_finds_nothing_but_what_cannot_be_read_still_says_so(synced: Studio):
    synced.run(PLAN, **QUIETLY)
    synced.systems["crm_office"].faults.add(Fault("answer", "contacts", "list", options={"status": 403, "body": {}}))
    first, second = (synced.run(PLAN.without_checks(), **QUIETLY) for _ in range(2))
    assert made(first).keys() == {"hub/links"}
    assert NEWS not in tags(synced, first)
    assert not made(second)
    assert tags(synced, second)[NEWS] == "none"
    assert any("crm_office.contacts could not be read" in said for said in warnings(synced, second))


def test_a_run_that_repeats_one_without_news_says_what_it_found_itself(synced: Studio):
    """With the tags of that one, as Dagster repeats runs."""
    record = str(synced.systems["poweroffice_go"].collections["customers"].view().slice(1, 2)[0].id)
    synced.users.edit("poweroffice_go.customers", record, {"Name": "Repeated AS"})
    result = synced.run(PLAN, **QUIETLY, tags={NEWS: "none"})
    assert "golden/customer" in made(result)
    assert tags(synced, result)[NEWS] == "some"


def test_a_person_who_asks_gets_a_report_without_news(synced: Studio):
    assert made(synced.run(only("poweroffice_go/customers"))).keys() == {"poweroffice_go/customers"}


def test_an_edit_goes_its_way_and_only_its_subject_is_reported(synced: Studio):
    synced.run()
    record = str(synced.systems["poweroffice_go"].collections["customers"].view().slice(1, 2)[0].id)
    synced.users.edit("poweroffice_go.customers", record, {"Name": "Edited AS"})
    planned = made(synced.run(PLAN, **QUIETLY))
    assert planned["poweroffice_go/customers"]["changed"] == 1
    assert {key for key in planned if key.startswith("golden/")} == {"golden/customer"}
    assert planned["invoiced/customers_company_changes"]["ready"] == 1
    sent = made(synced.run(DELIVER, delivering=Delivering(only_news=True)))
    assert sent.keys() == {
        "custom_erp/customer_delivered",
        "custom_pms/customer_delivered",
        "invoiced/customers_company_delivered",
    }
    assert {told["updated"] for told in sent.values()} == {1}
    again = synced.run(REPLAN, agreeing=Agreeing(only_news=True, subjects=["customer"]))
    assert len(again.get_asset_check_evaluations()) >= 4
    assert not failed_checks(again)


def test_a_dry_run_plans_sends_nothing_and_could_send_nothing(synced: Studio):
    record = str(synced.systems["custom_erp"].collections["customer"].view().slice(0, 1)[0].id)
    synced.users.edit("custom_erp.customer", record, {"name": "Dry AS"})
    writes = synced.writes()
    planned = made(synced.run(PLAN, agreeing=Agreeing(dry_run=True)))
    dry = planned["poweroffice_go/customers_changes"]
    assert dry["dry run"] is True
    assert dry["next"] == "`talk plan` shows each write with its values; a dry run has none of them sent"
    again = made(synced.run(PLAN, **QUIETLY))["poweroffice_go/customers_changes"]
    assert (again["dry run"], again["ready"]) == (False, dry["ready"])
    result = synced.run(DELIVER, delivering=Delivering(dry_run=True))
    observed = {
        event.asset_key.to_user_string(): event.asset_observation_data.asset_observation.metadata
        for event in result.all_events
        if event.is_asset_observation and event.asset_key
    }
    assert observed["poweroffice_go/customers_delivered"]["ready"].value == 1
    assert made(result) == {}
    assert synced.writes() == writes
    assert synced.engine.read_only[-3:] == [True] * 3
    assert synced.run(DELIVER).success
    assert synced.writes() > writes
    assert synced.engine.read_only[-1] is False


def test_a_system_that_cannot_be_read_does_not_stop_the_others(synced: Studio):
    synced.systems["crm_office"].faults.add(Fault("answer", "contacts", "list", options={"status": 403, "body": {}}))
    result = synced.run(PLAN)
    assert result.success
    assert "crm_office/contacts" not in made(result)
    assert "poweroffice_go/customers" in made(result)
    (warned,) = warnings(synced, result)
    assert warned.startswith("crm_office.contacts could not be read: ")
    assert "HTTP 403" in warned
    assert "`talk specs conform crm_office`" in warned
    failure = failed_checks(result)["hub/links all_read"]
    assert "crm_office.contacts" in str(failure.metadata["not read"].value)
    assert "talk specs conform" in (failure.description or "")


@pytest.mark.long
def test_a_system_of_which_nothing_can_be_read_is_warned_of_once(synced: Studio):
    synced.systems["custom_pms"].faults.add(Fault("answer", operation="list", options={"status": 401, "body": {}}))
    result = synced.run(PLAN)
    (warned,) = warnings(synced, result)
    entities = [entity.name for entity in synced.graph.entities_of("custom_pms")]
    assert warned.startswith(f"custom_pms ({', '.join(entities)}) could not be read: ")
    assert not_read(result) == {f"custom_pms.{entity}" for entity in entities}


def test_a_system_that_cannot_be_reached_is_asked_for_nothing_more(synced: Studio, monkeypatch: pytest.MonkeyPatch):
    asked = []

    def refused(call: Call, _credentials: object) -> Answer:
        asked.append(call.told)
        raise NotSent("connection refused")

    entities = synced.graph.entities_of("custom_pms")
    client = synced.world.connection(entities[0].key).client(entities[0].name)
    monkeypatch.setattr(client._wire, "exchange", refused)
    # Of its own, since what it remembers is not forgotten after this test.
    monkeypatch.setattr(client, "_silences", {kind: Silence(SystemClock()) for kind in ("read", "write")})
    result = synced.run(PLAN)
    (warned,) = warnings(synced, result)
    assert "connection refused" in warned
    assert len(set(asked)) == 1
    assert not_read(result) == {entity.key for entity in entities}


def test_a_system_that_cannot_be_read_is_told_until_it_was_read_again(synced: Studio):
    """Whatever is read or planned meanwhile."""
    fault = synced.systems["crm_office"].faults.add(Fault("answer", "contacts", "list", options={"status": 403, "body": {}}))

    def told() -> str:
        found = synced.instance.event_log_storage.get_latest_asset_check_execution_by_key([ALL_READ.key])[ALL_READ.key]
        return found.status.value

    assert not synced.run(only("crm_office/contacts")).success
    assert told() == "FAILED"
    assert synced.run(only("poweroffice_go/customers", "hub/links").without_checks()).success
    assert told() == "FAILED"
    assert synced.run(only("hub/links")).success
    assert told() == "FAILED"
    synced.systems["crm_office"].faults.remove(fault)
    assert synced.run(only("crm_office/contacts")).success
    assert told() == "SUCCEEDED"


def test_a_run_in_which_nothing_could_be_read_fails_in_words(synced: Studio):
    synced.systems["crm_office"].faults.add(Fault("answer", "contacts", "list", options={"status": 403, "body": {}}))
    result = synced.run(only("crm_office/contacts"))
    assert not result.success
    (said,) = words(result)
    assert said.startswith("nothing could be read")
    assert "crm_office.contacts" in said


def test_a_login_that_fails_is_news_once_is_tried_ever_later_and_loses_nothing(synced: Studio):
    record = str(synced.systems["poweroffice_go"].collections["customers"].view().slice(1, 2)[0].id)
    synced.users.edit("poweroffice_go.customers", record, {"Name": "Locked Out AS"})
    synced.run(PLAN, **QUIETLY)
    closed = synced.systems["custom_erp"].faults
    closed.add(Fault("answer", operation="update", options={"status": 401, "body": {}}))
    runs = [synced.run(DELIVER, delivering=Delivering(only_news=True)) for _ in range(2)]
    assert [tags(synced, run)[FAILED] for run in runs] == [ANEW, AGAIN]
    assert all("custom_erp does not let us in" in words(run)[0] for run in runs)
    first, second = (made(run)["custom_erp/customer_delivered"] for run in runs)
    assert (first["in vain"], second["in vain"], second["left ready"]) == (1, 2, 1)
    assert second["again at"] > first["again at"]
    assert "custom_pms/customer_delivered" in made(runs[0])
    closed.clear()
    let_in = synced.run(DELIVER, delivering=Delivering(only_news=True))
    assert let_in.success
    told = made(let_in)["custom_erp/customer_delivered"]
    assert (told["updated"], told["in vain"], told["left ready"]) == (1, 0, 0)
    closed.add(Fault("answer", operation="update", options={"status": 401, "body": {}}))
    synced.users.edit("poweroffice_go.customers", record, {"Name": "Locked Out Again AS"})
    synced.run(PLAN, **QUIETLY)
    assert tags(synced, synced.run(DELIVER))[FAILED] == ANEW


def test_a_system_whose_login_is_not_set_stops_no_other_and_is_tried_ever_later(synced: Studio):
    record = str(synced.systems["poweroffice_go"].collections["customers"].view().slice(1, 2)[0].id)
    synced.users.edit("poweroffice_go.customers", record, {"Name": "Keyless AS"})
    closed = {"custom_erp": "CustomERP needs environment variables that are not set: CUSTOM_ERP_API_KEY"}
    synced.engine = WorldAtHand(replace(synced.world, closed=closed))
    planned = synced.run(PLAN, **QUIETLY)
    assert planned.success
    (warned,) = warnings(synced, planned)
    assert "CUSTOM_ERP_API_KEY" in warned
    assert not_read(planned) == {entity.key for entity in synced.graph.entities_of("custom_erp")}
    result = synced.run(DELIVER, delivering=Delivering(only_news=True))
    (said,) = words(result)
    assert said.startswith(closed["custom_erp"])
    assert tags(synced, result)[FAILED] == ANEW
    told = made(result)
    assert told["custom_pms/customer_delivered"]["updated"] == 1
    assert told["custom_erp/customer_delivered"]["in vain"] == 1


@pytest.mark.long
def test_the_first_sync_without_a_login_makes_all_but_what_may_be_there_already(fresh: Studio):
    world = fresh.world
    fresh.systems["custom_erp"].add("customer", {"name": "Acme", "organisationNumber": "923609016"})
    closed = {"custom_pms": "CustomPMS needs environment variables that are not set: CUSTOM_PMS_TOKEN"}
    fresh.engine = WorldAtHand(replace(world, closed=closed))
    for _ in range(2):
        assert fresh.run().success
    assert fresh.writes() > 0
    waiting = world.hub.read(
        "SELECT DISTINCT entity, reason FROM changes WHERE state = 'waiting' AND reason LIKE '%never read%'"
    )
    assert "poweroffice_go.customers" in waiting["entity"].to_list()
    assert waiting["reason"].str.contains("CUSTOM_PMS_TOKEN", literal=True).all()
    assert cursors.position(world.hub, "loaded poweroffice_go.product") is True
    assert cursors.position(world.hub, "loaded poweroffice_go.customers") is None
    fresh.engine = WorldAtHand(world)
    for _ in range(2):
        assert fresh.run().success
    assert unread.awaited(world) == {}
    assert cursors.position(world.hub, "loaded poweroffice_go.customers") is True


@pytest.mark.long
def test_what_waited_for_a_system_is_planned_once_that_was_read_also_where_it_has_nothing_to_tell(fresh: Studio):
    world, customers = fresh.world, "poweroffice_go/customers_changes"
    for name, collection in fresh.systems["custom_pms"].collections.items():
        for stored in list(collection.view().scan()):
            fresh.systems["custom_pms"].erase(name, stored.id)
    fresh.systems["custom_erp"].add("customer", {"name": "Acme", "organisationNumber": "923609016"})
    fresh.engine = WorldAtHand(replace(world, closed={"custom_pms": "CustomPMS needs a login"}))
    for _ in range(2):
        assert fresh.run().success
    assert customers not in made(fresh.run(PLAN, **QUIETLY))
    fresh.engine = WorldAtHand(world)
    assert made(fresh.run(PLAN, **QUIETLY))[customers]["ready"] == 1


def test_what_was_written_is_told_before_another_run_can_plan(synced: Studio):
    """What that run tells would seem to be sent already."""
    told = []

    class Watched(WorldAtHand):
        @contextmanager
        def online(self, context: dg.AssetExecutionContext, *, read_only: bool = False) -> Iterator[World]:
            with super().online(context, read_only=read_only) as world:
                yield world
            told.append(synced.instance.get_latest_materialization_event(dg.AssetKey(["custom_pms", "customer_delivered"])))

    synced.engine = Watched(synced.world)
    assert synced.run(DELIVER).success
    assert told[0] is not None


@pytest.mark.long
def test_an_entity_to_which_nothing_can_be_sent_is_tried_ever_later(synced: Studio):
    """Its system answers, and says that it is busy."""
    record = str(synced.systems["poweroffice_go"].collections["customers"].view().slice(1, 2)[0].id)
    synced.users.edit("poweroffice_go.customers", record, {"Name": "Busy AS"})
    synced.run(PLAN, **QUIETLY)
    synced.systems["custom_erp"].faults.add(Fault("answer", operation="update", options={"status": 429, "body": {}}))
    told = [made(synced.run(DELIVER, delivering=Delivering(only_news=True))) for _ in range(2)]
    assert [one["custom_erp/customer_delivered"]["in vain"] for one in told] == [1, 2]
    assert "custom_pms/customer_delivered" not in told[1]


def test_a_run_that_could_write_nothing_to_a_system_warns_of_it(synced: Studio):
    record = str(synced.systems["poweroffice_go"].collections["customers"].view().slice(1, 2)[0].id)
    synced.users.edit("poweroffice_go.customers", record, {"Name": "Down AS"})
    synced.run(PLAN, **QUIETLY)
    synced.systems["custom_erp"].faults.add(Fault("answer", "customer", options={"status": 503, "body": {}}))
    result = synced.run(DELIVER)
    assert result.success
    (warned,) = warnings(synced, result)
    assert warned.startswith("nothing could be written to custom_erp.customer, 1 left; the sensor `push` tries again from ")


def test_a_subject_that_is_none_fails_a_run_with_those_that_there_are(synced: Studio):
    (said,) = words(synced.run(REPLAN, agreeing=Agreeing(only_news=True, subjects=["custmer", "order"])))
    assert said.startswith("no subject is called custmer; there are activity, contact, customer, ")


def test_a_number_of_records_below_zero_is_refused():
    with pytest.raises(ValidationError, match="check_up_to"):
        Agreeing.model_validate({"check_up_to": -5})


def test_a_failing_check_names_records_and_what_to_do(synced: Studio):
    record = str(synced.systems["custom_pms"].collections["customer"].view().slice(0, 1)[0].id)
    synced.users.edit("custom_pms.customer", record, {"name": "Out Of Step AS"})
    synced.run(only("custom_pms/customer"))
    failed = failed_checks(synced.check())
    check = failed["powerofficego_custompms/customers_customer in_sync"]
    assert check.severity is dg.AssetCheckSeverity.ERROR
    assert "`talk why poweroffice_go.customers/" in (check.description or "")
    assert "poweroffice_go.customers/" in str(check.metadata["for example"].value)
    assert "Out Of Step" not in str(check.metadata)
    synced.run(PLAN)
    on_its_way = failed_checks(synced.check())["powerofficego_custompms/customers_customer in_sync"]
    assert on_its_way.severity is dg.AssetCheckSeverity.WARN
    assert (on_its_way.description or "").startswith("Writes are on their way")
    synced.run(DELIVER)
    assert not failed_checks(synced.check())


def test_a_system_that_answers_again_is_said_once(synced: Studio):
    """In runs that come again and again, and select no check."""
    selection = PLAN.without_checks()
    key = ALL_READ.key

    def answers() -> list[bool]:
        found = synced.instance.event_log_storage.get_asset_check_execution_history(key, limit=1000)
        return [record.status is AssetCheckExecutionRecordStatus.SUCCEEDED for record in found]

    synced.run(selection, **QUIETLY)
    before = len(answers())
    synced.systems["crm_office"].faults.add(Fault("answer", "contacts", "list", options={"status": 403, "body": {}}))
    synced.run(selection, **QUIETLY)
    synced.run(selection, **QUIETLY)
    synced.systems["crm_office"].faults.clear()
    synced.run(selection, **QUIETLY)
    synced.run(selection, **QUIETLY)
    assert answers()[: len(answers()) - before] == [True, False]


@pytest.mark.long
def test_what_a_run_that_selects_no_check_reports_is_checked_after_its_report(synced: Studio):
    """Unless writes are on their way: after those it is planned again."""
    customers = "powerofficego_invoiced/customers_customers_company"
    key = dg.AssetCheckKey(dg.AssetKey(customers.split("/")), "in_sync")
    record = str(synced.systems["poweroffice_go"].collections["customers"].view().slice(1, 2)[0].id)

    def is_evaluated(result: dg.ExecuteInProcessResult) -> bool:
        assert customers in made(result)
        (told,) = synced.instance.get_asset_records([key.asset_key])
        last = synced.instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).get(key)
        reported = told.asset_entry.last_materialization_record
        return bool(last and last.event and reported and last.event.timestamp >= reported.timestamp)

    quietly = PLAN.without_checks()
    synced.users.edit("poweroffice_go.customers", record, {"Name": "To Be Written AS"})
    assert not is_evaluated(synced.run(quietly, **QUIETLY))
    synced.run(DELIVER)
    synced.run(quietly, **QUIETLY)
    # Of no mapping.
    synced.users.edit("poweroffice_go.customers", record, {"ExternalNumber": 4711})
    result = synced.run(quietly, **QUIETLY)
    assert is_evaluated(result)
    assert not result.get_asset_check_evaluations()


def test_no_sample_shows_what_says_something_about_a_person(synced: Studio):
    told = made(synced.run(PLAN))
    for entity in synced.graph.entities:
        personal = {path for path, prop in entity.spec.properties.items() if prop.personal}
        sample = told[f"{entity.system.system}/{entity.name}"].get("sample")
        if sample:
            assert not personal & set(sample.records[0].data)


@pytest.mark.long
def test_no_sample_shows_free_text_nor_what_becomes_of_it_elsewhere(synced: Studio):
    synced.users.add("crm_office.activities", {"subject": CANARY, "description": CANARY})
    assert synced.run().success
    told = made(synced.run(PLAN))
    there = [one.body["name"] for one in synced.systems["poweroffice_go"].collections["timetrackingactivity"].view().scan()]
    assert CANARY in there
    samples = {key: str(one["sample"].records) for key, one in told.items() if "sample" in one}
    assert not [key for key, sample in samples.items() if CANARY in sample]


@pytest.mark.long
def test_s09_nobody_is_named_in_logs_events_or_metadata(
    synced: Studio, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    """Read, written, in a contradiction, refused and failing, each time with the values in the system's own words."""
    words = f"{' '.join(one for one in CANARIES if one != EMPLOYEE['jobTitle'])} is wrong"
    answer = {"status": 422, "body": {"message": words}}
    runs = []
    with caplog.at_level("DEBUG"):
        here = synced.users.add("custom_erp.employee", {**EMPLOYEE, "address.postalCode": "0977", "address.countryCode": "NO"})
        synced.users.add("poweroffice_go.customers_person", CUSTOMER)
        runs += [synced.run(PLAN), synced.run(DELIVER), synced.run(PLAN)]
        employees = synced.systems["poweroffice_go"].collections["employees"].view().scan()
        there = next(str(one.id) for one in employees if one.body.get("EmailAddress") == EMPLOYEE["email"])
        synced.users.edit("poweroffice_go.employees", there, {"JobTitle": "Canary keeper"})
        synced.users.edit("custom_erp.employee", here, {"jobTitle": "Canary warden"})
        runs.append(synced.run(PLAN))
        for system, entity in (("poweroffice_go", "employees"), ("custom_erp", "employee")):
            for operation in ("update", "list"):
                synced.systems[system].faults.add(Fault("answer", entity, operation, 5, options=answer))
        runs += [synced.run(DELIVER), synced.run(PLAN)]
    events = [event.to_json() for run in runs for event in synced.instance.all_logs(run.run_id)]
    printed = [caplog.text, *capfd.readouterr()]
    assert any("employee" in event and "*** is wrong" in event for event in events)
    hub = synced.world.hub
    assert hub.value("SELECT count(*) FROM holds WHERE contains(reason, ?)", [words]) > 0
    assert hub.value("SELECT count(*) FROM conflicts WHERE contains(value, 'Canary')") > 0
    assert not [(text[:200], one) for text in (*events, *printed) for one in (*CANARIES, "Canary") if one in text]


def test_s09_what_a_system_says_about_a_person_is_blotted_out_word_by_word(synced: Studio):
    synced.users.add("crm_office.contacts", {"givenName": "Bo", "familyName": "Ås-Lund", "email": "bo@aas.example"})
    synced.run(only("crm_office/contacts"))
    told = "BO ås-lund <bo@aas.example> of Bodø, +47 99 88 77 66, wrote to else@where.example; order 123"
    assert blotted(synced.world, told) == "*** *** <***> of Bodø, ***, wrote to ***; order 123"
    assert blotted(synced.world, "no login") == "no login"


def test_missing_logins_are_named_without_a_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synced: Studio):
    monkeypatch.delenv("CRM_OFFICE_CLIENT_ID", raising=False)
    engine = Engine(specs=str(SPECS), hub=f"duckdb:{tmp_path / 'hub.duckdb'}", state=str(tmp_path / "state"))
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [read_assets(Graph(synced.graph.resolved))],
            selection=only("crm_office/contacts"),
            resources={"engine": engine},
            instance=instance,
            raise_on_error=False,
        )
    (said,) = words(result)
    assert "CRM_OFFICE_CLIENT_ID" in said
