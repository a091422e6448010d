"""What systems make of writes: what the whole engine makes of that."""

import json
from collections.abc import Callable
from threading import Barrier, Lock
from typing import Any

import httpx
import polars as pl
import pytest

from talk_assets.hub.tables import changes as planned
from talk_assets.operator.deciding import retry
from talk_assets.simulate import engine
from talk_assets.simulate.ports import changes
from talk_assets.sync.deliver import deliver
from talk_assets.sync.recover import IN_VAIN, PARTLY
from talk_assets.sync.world import side_by_side
from tests.faults.bench import ERP, PO, Answer, Bench, product, shown


def pair(bench: Bench) -> tuple[str, str]:
    one = bench.add(ERP, **product(1))
    bench.loaded()
    return one, bench.partner(one, PO)


def test_systems_are_written_to_side_by_side(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "_in_order", side_by_side)
    bench = Bench(tmp_path, "customer")
    one = bench.add("custom_erp.customer", number="10017", name="Acme AS")
    bench.loaded()
    others = bench.linked(one).keys() - {"custom_erp.customer"}
    all_there, turn = Barrier(len(others), timeout=30), Lock()

    def meet(request: httpx.Request, answer: Answer) -> httpx.Response:
        if changes(request):
            all_there.wait()
        with turn:
            return answer(request)

    bench.edit(one, name="Renamed AS")
    bench.between = meet
    report = bench.cycle()
    assert len(others) >= 3
    assert report.written == len(others)
    bench.engine.close()


def test_two_writes_to_one_record_are_never_under_way_at_once(tmp_path):
    bench = Bench(tmp_path, "activity")
    one = bench.add("crm_office.activities", subject="Install")
    bench.loaded()
    # The name of a project's activity belongs to the activity of that code: both are written there.
    places = [bench.linked(one)[f"poweroffice_go.{name}"].split("/") for name in ("projectactivity", "timetrackingactivity")]
    cluster = bench.hub.value("SELECT cluster FROM members WHERE entity = ?", ["crm_office.activities"])
    due = pl.DataFrame(
        {
            "entity": [entity for entity, _ in places],
            "id": [id_ for _, id_ in places],
            "cluster": cluster,
            "kind": "update",
            "paths": [["name"]] * 2,
            "before": [["Install"]] * 2,
            "after": [["First"], ["Second"]],
            "state": "ready",
        }
    )
    bench.hub.run(lambda: planned.replace(bench.hub, due, due))
    bench.points.clear()
    report = deliver(bench.engine.world)
    assert bench.points.count("arm: after commit") == bench.points.count("settle: after commit") == 2
    assert (report.done, report.later, len(bench.writes)) == (1, 1, 1), "the second found the first, and was not sent"
    bench.settle()
    assert bench.record("/".join(places[1]))["name"] == bench.record(one)["subject"] == "First"
    bench.engine.close()


def test_w07_one_poisoned_record_delays_no_other(bench: Bench):
    poisoned, *others = [bench.add(ERP, **product(number)) for number in range(4)]

    def refuse(request: httpx.Request, answer: Answer) -> httpx.Response:
        if request.method == "POST" and b"Product 0" in request.content:
            return httpx.Response(422, json={"detail": "not this one"}, request=request)
        return answer(request)

    bench.between = refuse
    bench.settle()
    assert all(PO in bench.linked(other) for other in others)
    assert bench.linked(poisoned) == {ERP: poisoned}
    assert bench.held() == ["not this one"]


def test_w14_a_value_that_a_system_ignores_is_not_insisted_on(bench: Bench):
    one, partner = pair(bench)
    bench.fault(PO, "ignore", property="Description")
    bench.edit(one, description="Another text")
    reports = [bench.cycle() for _ in range(4)]
    assert len(bench.writes) == 1
    assert reports[-1].quiet
    assert bench.record(partner)["Description"] == "Text 1"
    assert bench.record(one)["description"] == "Another text"


def test_w13_w15_two_systems_that_store_a_value_each_in_its_own_way_do_not_fight(bench: Bench):
    one, partner = pair(bench)
    bench.fault(ERP, "normalise", property="name", rule="upper")
    bench.fault(PO, "normalise", property="Name", rule="title")
    bench.edit(partner, Name="of one mind")
    bench.settle(full=True)
    assert (bench.record(one)["name"], bench.record(partner)["Name"]) == ("OF ONE MIND", "Of One Mind")
    bench.edit(one, name="Next")
    bench.settle(full=True)
    assert (bench.record(one)["name"], bench.record(partner)["Name"]) == ("NEXT", "Next")


def test_w16_what_a_systems_own_rule_changes_along_with_a_write_is_seen_as_its_edit(bench: Bench):
    one, partner = pair(bench)

    def ruled(request: httpx.Request, answer: Answer) -> httpx.Response:
        if request.method == "PATCH":
            bench.edit(partner, Description="by a rule")
            bench.between = lambda request, answer: answer(request)
        return answer(request)

    bench.between = ruled
    bench.edit(one, name="Renamed")
    bench.settle()
    assert (bench.record(one)["name"], bench.record(one)["description"]) == ("Renamed", "by a rule")
    assert bench.told("edit") == ["edited in its system"] * 2


def test_w17_what_refers_to_a_refused_record_waits_and_says_for_what(tmp_path):
    bench = Bench(tmp_path, "customer", "project")
    customer = bench.add("custom_erp.customer", number="10017", name="Acme AS")
    project = bench.add("custom_erp.project", code="X1", name="House", customerId=customer.rpartition("/")[2])
    key = bench.fault("poweroffice_go.customers", "answer", "create", status=422, body={"detail": "no"})
    bench.settle()
    there = bench.linked(project)["poweroffice_go.projects"]
    assert bench.record(there)["CustomerId"] is None
    waiting = bench.hub.read("SELECT reason FROM changes WHERE state = 'waiting' AND entity = 'poweroffice_go.projects'")
    assert "CustomerId names a record that is not in this system yet" in waiting["reason"].to_list()
    bench.estate.systems["poweroffice_go"].faults.remove(key)
    bench.edit(customer, name="Acme")
    bench.settle()
    assert str(bench.record(there)["CustomerId"]) == bench.partner(customer, "poweroffice_go.customers").rpartition("/")[2]
    bench.engine.close()


def test_w19_what_a_spent_rate_left_undone_is_worked_out_anew(bench: Bench):
    made = [bench.add(ERP, **product(number)) for number in range(5)]
    bench.loaded()
    for one in made:
        bench.edit(one, name="First")
    bench.fault(PO, "throttle", "update", skip=2)
    bench.cycle()
    names = [bench.record(bench.partner(one, PO))["Name"] for one in made]
    assert names.count("First") == 2
    bench.edit(made[-1], name="Second")
    bench.heal()
    bench.writes.clear()
    bench.settle()
    assert {bench.record(bench.partner(one, PO))["Name"] for one in made[:-1]} == {"First"}
    assert bench.record(bench.partner(made[-1], PO))["Name"] == "Second"


def test_w09_an_update_of_what_is_gone_is_not_sent_for_ever_where_no_list_proves_that_it_is(bench: Bench):
    """The last record of a list is missing, and an empty list proves nothing."""
    one, partner = pair(bench)
    bench.erase(partner)
    for number in range(2):
        bench.edit(one, name=f"Renamed {number}")
        bench.cycle(full=True)
    for _ in range(3):
        bench.cycle(full=True)
    assert len(bench.writes) == 2
    assert bench.hub.value("SELECT count(*) FROM holds WHERE state = 'held' AND kind = 'rejected'") == 1


@pytest.mark.parametrize(("edited", "refusing", "name"), [(PO, ERP, "Name"), (ERP, PO, "name")])
def test_w06_what_is_called_stale_and_is_not_waits_for_a_person_the_second_time(bench, edited: str, refusing: str, name: str):
    """Some systems say 412 where something else than the version keeps them from it; it was sent once a cycle for ever."""
    there = dict(zip((ERP, PO), pair(bench), strict=True))
    said = {"status": 412, "body": {"message": "The period is closed"}}
    bench.fault(refusing, "answer", "update", **said)
    bench.edit(there[edited], **{name: "Renamed"})
    bench.cycle()
    assert bench.held() == []
    for _ in range(3):
        bench.cycle()
    assert len(bench.writes) == 2
    (held,) = bench.held()
    assert "The period is closed" in held
    bench.heal()
    bench.edit(there[edited], **{name: "Renamed again"})
    bench.settle()
    assert bench.held() == []


@pytest.mark.parametrize(
    ("status", "body", "is_new"),
    [
        (500, {"message": "Object reference"}, True),
        pytest.param(500, {"message": "Object reference"}, False, marks=pytest.mark.long),
        pytest.param(200, {"error": "Object reference"}, True, marks=pytest.mark.long),
        pytest.param(200, {"error": "Object reference"}, False, marks=pytest.mark.long),
    ],
)
def test_w04_what_a_system_fails_at_again_and_again_while_it_takes_others_waits_for_a_person(bench, status, body, is_new: bool):
    """It was sent once a cycle for ever."""
    one, _ = pair(bench)
    other = bench.add(ERP, **product(50))
    bench.settle()
    sent: list[str] = []

    def failing(request: httpx.Request, answer: Answer) -> httpx.Response:
        if changes(request) and b"Poison" in request.content:
            sent.append(request.method)
            return httpx.Response(status, json=body, request=request)
        return answer(request)

    bench.between = failing
    if is_new:
        one = bench.add(ERP, **product(51, name="Poison"))
    else:
        bench.edit(one, name="Poison")
    for _ in range(2 * IN_VAIN + 2):
        bench.cycle()
    # Nothing says that its system takes anything at all, nor does what is done once.
    bench.edit(other, name="Other")
    bench.cycle()
    bench.cycle()
    assert (len(sent) > IN_VAIN, bench.held()) == (True, [])
    sent.clear()
    for number in range(6):
        bench.edit(other, name=f"Other {number}")
        bench.cycle()
    assert len(sent) < 4
    (held,) = bench.held()
    assert "and never done, while others were" in held
    assert is_new or status != 500 or "Object reference" in held
    sent.clear()
    bench.edit(one, name="Cured")
    bench.settle()
    assert (sent, bench.held(), bench.record(bench.partner(one, PO))["Name"]) == ([], [], "Cured")


def test_a_record_that_may_be_there_already_is_not_made_with_another_value_either(tmp_path):
    bench = Bench(tmp_path, "customer")
    bench.loaded()
    one = bench.add("poweroffice_go.departments", Name="Stores")
    bench.fault("custom_pms.customer", "drop_after", "create", times=1)
    bench.cycle()
    (made,) = bench.all("custom_pms.customer")
    bench.edit(made, name="Renamed before anybody knew it")
    bench.cycle()
    bench.edit(one, Name="Stores and more")
    for _ in range(3):
        bench.cycle()
    assert bench.all("custom_pms.customer") == [made]
    assert bench.candidates() == [[made]]
    bench.engine.close()


def without_in_lists(name: str) -> Callable[[httpx.Request, Answer], httpx.Response]:
    """Lists of products that leave a property out."""

    def less(page: Any) -> Any:
        if isinstance(page, list):
            return [{path: value for path, value in item.items() if path != name} for item in page]
        return {**page, "items": less(page["items"])}

    def summarised(request: httpx.Request, answer: Answer) -> httpx.Response:
        response = answer(request)
        is_list = request.method == "GET" and request.url.path.lower().endswith("/products")
        return shown(request, response, less) if is_list and response.read() else response

    return summarised


def test_what_lists_do_not_show_of_a_record_is_sent_back_with_it(bench: Bench):
    one = bench.add(ERP, **product(1, gtin="7038010000010"))
    bench.between = without_in_lists("gtin")
    bench.loaded()
    partner = bench.partner(one, PO)
    for name in ("Renamed", "Renamed again"):
        bench.edit(partner, Name=name)
        bench.settle(full=True)
        assert (bench.record(one)["name"], bench.record(one)["gtin"]) == (name, "7038010000010")


@pytest.mark.parametrize(("hidden", "here", "there"), [(ERP, "gtin", "Gtin"), (PO, "Gtin", "gtin")])
def test_what_lists_do_not_show_of_a_record_is_looked_at_before_it_is_written_over(
    bench: Bench, hidden: str, here: str, there: str
):
    """Seed 82121 of `talk simulate`: of a list that was short, a record was still known by what an older spec made of it."""
    one = bench.add(ERP, **product(1))
    bench.between = without_in_lists(here)
    bench.loaded()
    one, partner = bench.partner(one, hidden), bench.partner(one, PO if hidden == ERP else ERP)
    bench.edit(one, **{here: "7038010000010"})
    bench.edit(partner, **{there: "7038010000027"})
    bench.settle(full=True)
    assert bench.record(one)[here] == bench.record(partner)[there]
    assert {"7038010000010", "7038010000027"} <= set(bench.hub.read("SELECT value FROM conflicts")["value"])
    # What is agreed goes on being written, at the price of another look.
    bench.edit(partner, **{there: "7038010000034"})
    bench.settle(full=True)
    assert bench.record(one)[here] == "7038010000034"
    bench.edit(partner, **{there: None})
    bench.settle(full=True)
    assert bench.record(one)[here] is None


def test_an_edit_that_only_the_single_record_shows_is_not_overwritten_by_a_whole_record(bench: Bench):
    one, partner = pair(bench)
    bench.edit(partner, Name="Renamed there")

    def late(request: httpx.Request, answer: Answer) -> httpx.Response:
        """Somebody is quicker, after the list was read."""
        if request.method == "GET" and request.url.path.endswith(one.rpartition("/")[2]):
            bench.between = lambda request, answer: answer(request)
            bench.edit(one, name="Renamed here")
        return answer(request)

    bench.between = late
    bench.cycle()
    assert [write.partition(" /")[0] for write in bench.writes] == ["PATCH poweroffice_go"], "what was found is told on at once"
    bench.settle()
    assert bench.record(one)["name"] == bench.record(partner)["Name"] == "Renamed here"


def test_an_answer_that_shows_less_than_the_record_does_not_become_the_record(bench: Bench):
    one, partner = pair(bench)

    def terse(request: httpx.Request, answer: Answer) -> httpx.Response:
        response = answer(request)
        if not changes(request):
            return response
        return shown(request, response, lambda body: {name: value for name, value in body.items() if name.lower() == "id"})

    bench.between = terse
    bench.edit(partner, Name="Renamed")
    other = bench.add(ERP, **product(2))
    bench.cycle()
    for record, path, text in ((one, "description", "Text 1"), (bench.partner(other, PO), "Description", "Text 2")):
        entity, _, id_ = record.partition("/")
        kept = bench.hub.value("SELECT body FROM records WHERE entity = ? AND id = ?", [entity, id_])
        assert json.loads(str(kept))[path] == text
    bench.writes.clear()
    bench.cycle(full=True)
    assert (bench.writes, bench.told("edit")) == ([], ["edited in its system"])


def test_a_look_after_a_write_that_shows_what_was_there_before_is_not_believed(bench: Bench):
    one, partner = pair(bench)
    before: list[httpx.Response] = []

    def lags(request: httpx.Request, answer: Answer) -> httpx.Response:
        """Written without a word, and read from a copy that is late."""
        if not request.url.path.endswith(partner.rpartition("/")[2]):
            return answer(request)
        if request.method == "GET" and before:
            return before[0]
        look = answer(httpx.Request("GET", request.url, headers=request.headers))
        look.read()
        response = answer(request)
        if changes(request) and response.is_success:
            before.append(httpx.Response(look.status_code, headers=look.headers, content=look.content))
            return httpx.Response(204, request=request)
        return response

    bench.between = lags
    bench.edit(one, name="First")
    bench.cycle()
    bench.between = lambda request, answer: answer(request)
    bench.edit(one, name="Second")
    bench.settle(full=True)
    assert bench.record(one)["name"] == bench.record(partner)["Name"] == "Second"
    assert bench.hub.value("SELECT count(*) FROM conflicts") == 0
    assert bench.told("edit") == ["edited in its system"] * 2


def test_w08_a_record_that_is_forbidden_delays_no_other_and_waits_for_a_person(bench: Bench):
    locked, other = (bench.add(ERP, **product(number)) for number in range(2))
    bench.loaded()
    place = bench.partner(locked, PO).rpartition("/")[2]

    def refuse(request: httpx.Request, answer: Answer) -> httpx.Response:
        if request.url.path.endswith(place):
            return httpx.Response(403, json={"detail": "locked for you"}, request=request)
        return answer(request)

    for one in (locked, other):
        bench.edit(one, name="Renamed")
    bench.between = refuse
    bench.cycle()
    assert bench.record(bench.partner(other, PO))["Name"] == "Renamed"
    assert bench.held() == ["locked for you"]


def test_w22_what_is_done_much_later_is_not_made_twice(bench: Bench):
    bench.loaded()
    queue: list[dict[str, Any]] = []

    def later(request: httpx.Request, answer: Answer) -> httpx.Response:
        if request.method != "POST" or "Products" not in request.url.path:
            return answer(request)
        queue.append(json.loads(request.content))
        return httpx.Response(202, json={"status": "queued"}, request=request)

    bench.between = later
    bench.add(ERP, **product(1))
    for _ in range(4):
        bench.cycle()
    assert len(queue) == 1
    assert "accepted it, to be done later" in bench.held()[0]
    bench.add(PO, **queue[0])
    for _ in range(3):
        bench.cycle(full=True)
    assert len(queue) == len(bench.all(PO)) == 1


def test_w28_what_somebody_sets_as_an_update_would_have_does_not_prove_that_it_was_sent(bench: Bench):
    """Seed 89150 of `talk simulate`: the rest of it, as it was before, counted as emptied by a person."""
    one, partner = pair(bench)
    bench.edit(one, name="Renamed", description="Told anew")
    bench.dies(f"send {PO}")
    bench.edit(partner, Name="Renamed")
    bench.settle()
    assert (bench.record(one)["description"], bench.record(partner)["Description"]) == ("Told anew", "Text 1")
    assert bench.held() == [PARTLY]
    retry(bench.engine.world, None, "somebody")
    bench.settle()
    assert bench.record(one)["description"] == bench.record(partner)["Description"] == "Told anew"
    assert bench.held() == []
    assert len(bench.told("edit")) == 2, "the name and the description, by the one who edited both"


def test_a_record_of_something_else_that_answers_a_creation_stays_what_it_is(bench: Bench):
    """Some systems make nothing where they find something like it, and answer with that."""
    one, partner = pair(bench)

    def finds_one(request: httpx.Request, answer: Answer) -> httpx.Response:
        if request.method != "POST" or "Products" not in request.url.path:
            return answer(request)
        bench.writes.append("merged")
        there = httpx.Request("GET", f"{request.url}/{partner.rpartition('/')[2]}", headers=request.headers)
        return answer(there)

    bench.between = finds_one
    other = bench.add(ERP, **product(2))
    for _ in range(3):
        bench.cycle(full=True)
    assert bench.writes.count("merged") == 1
    assert (bench.partner(one, PO), bench.linked(other)) == (partner, {ERP: other})
    assert bench.told("gone") == []
    assert ["is linked with something else" in reason for reason in bench.held()] == [True]
    assert bench.candidates() == [[partner]]
    bench.edit(one, name="Renamed")
    bench.cycle()
    assert bench.record(partner)["Name"] == "Renamed"


def test_a_write_that_is_answered_and_left_aside_without_a_word_takes_nothing_back_where_it_came_from(bench: Bench):
    """The look after it shows the old value and stamp, as one does where readers lag behind."""
    one = bench.add(ERP, **product(0))
    bench.loaded()
    partner = bench.partner(one, PO)

    def between(request: httpx.Request, answer: Answer) -> httpx.Response:
        return httpx.Response(204) if request.method == "PATCH" else answer(request)

    bench.between = between
    bench.edit(one, name="New")
    for _ in range(4):
        bench.cycle(full=True)
    assert bench.record(one)["name"] == "New"
    assert bench.record(partner)["Name"] == "Product 0"
    assert len(bench.writes) == 1, "it is not sent again and again"
    bench.between = lambda request, answer: answer(request)
    bench.edit(partner, Name="Theirs")
    bench.settle()
    assert bench.record(one)["name"] == "Theirs"
