"""What happens while something else is not known yet: records between two readings, links beside open writes, broken lists."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from talk_assets.simulate.ports import system_of
from talk_assets.simulate.topology import topology
from talk_assets.sync.doubt.unread import unreadable
from tests.faults.bench import ERP, PO, SPECS, Answer, Bench, product

OWNERS = {
    "custom_erp.customer": ("custom_erp.project", "customerId"),
    "custom_pms.customer": ("custom_pms.project", "customer_id"),
}
EP, PP, MP = "custom_erp.project", "poweroffice_go.projects", "custom_pms.project"


def with_project(bench: Bench, owner: str) -> tuple[str, str, str]:
    """A customer's id, its project, and the property that names the customer there."""
    project, path = OWNERS[owner]
    id_ = bench.add(owner, name="Acme AS").partition("/")[2]
    return id_, bench.add(project, name="Proj", code="P1", **{path: int(id_) if id_.isdigit() else id_}), path


def test_a_reference_to_customers_that_cannot_be_read_at_first_is_not_emptied(tmp_path: Path):
    owner = "custom_pms.customer"
    bench = Bench(tmp_path, "customer", "project")
    id_, project, path = with_project(bench, owner)
    bench.fault(owner, "answer", "list", status=503, body={"message": "down"})
    bench.cycle()
    bench.heal()
    bench.settle()
    assert str(bench.record(project)[path]) == id_
    told = [bench.record(other) for other in bench.linked(project).values()]
    assert all(record.get("CustomerId") or record.get("customerId") or record.get("customer_id") for record in told)


def test_a_reference_that_says_none_by_a_number_is_empty_and_is_emptied_by_it(tmp_path: Path):
    """It was taken for a record that nobody knows, had no say, and nothing was written over it."""
    bench = Bench(tmp_path, "customer", "project")
    declared = "customer_id: {type: integer, references: [customer]"
    bench.with_specs("systems/custom_pms.yaml", lambda text: text.replace(declared, f"{declared}, empty_as: 0"))
    bench.between = _says_zero_for_none
    project, other = (bench.add(entity, name="Proj", code="P1") for entity in (MP, EP))
    owner = bench.add("custom_pms.customer", name="Acme AS")
    bench.loaded()
    assert bench.record(other)["customerId"] is None
    here, there = (one.partition("/")[2] for one in (owner, bench.partner(owner, "custom_erp.customer")))

    bench.edit(other, customerId=there)
    bench.settle()
    assert bench.record(project)["customer_id"] == int(here)
    bench.edit(project, customer_id=None)
    bench.settle()
    assert bench.record(other)["customerId"] is None

    bench.edit(project, customer_id=int(here))
    bench.settle()
    assert bench.record(other)["customerId"] == there
    bench.edit(other, customerId=None)
    bench.cycle()
    assert any('"customer_id":0' in body for body in bench.bodies)
    bench.settle()
    assert bench.record(project)["customer_id"] is None


def test_what_a_system_leaves_out_since_it_is_empty_was_emptied(tmp_path: Path):
    """It counted as unsaid, so that an edit was never told on, and the two stayed apart."""
    bench = Bench(tmp_path, "customer")
    bench.with_specs(
        "systems/custom_pms.yaml", lambda text: text.replace("    subject: customer\n", f"    subject: customer\n{OMITS}")
    )
    bench.between = _leaves_out_null
    there = bench.add("custom_pms.customer", name="Acme AS", phone="+4722222222")
    bench.loaded()
    other = bench.partner(there, "custom_erp.customer")
    assert bench.record(other)["phone"] == "+4722222222"
    bench.edit(there, phone=None)
    bench.settle()
    assert bench.record(other)["phone"] is None
    bench.edit(there, phone="+4733333333")
    bench.settle()
    bench.edit(other, phone=None)
    bench.settle()
    assert bench.record(there)["phone"] is None


OMITS = "    omits_empty: true\n"


def _leaves_out_null(request: httpx.Request, answer: Answer) -> httpx.Response:
    said = answer(request)
    if system_of(request) != "custom_pms" or not said.read():
        return said
    told = json.dumps(_without_null(json.loads(said.content))).encode()
    headers = {name: value for name, value in said.headers.items() if name != "content-length"}
    return httpx.Response(said.status_code, headers=headers, content=told)


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_null(inner) for name, inner in value.items() if inner is not None or name == "next_cursor"}
    return [_without_null(inner) for inner in value] if isinstance(value, list) else value


def _says_zero_for_none(request: httpx.Request, answer: Answer) -> httpx.Response:
    if system_of(request) != "custom_pms":
        return answer(request)
    asked = re.sub(rb'"customer_id": ?0([,}])', rb'"customer_id":null\1', request.content)
    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    said = answer(httpx.Request(request.method, request.url, headers=headers, content=asked))
    told = re.sub(rb'"customer_id": ?null', b'"customer_id":0', said.read())
    headers = {name: value for name, value in said.headers.items() if name != "content-length"}
    return httpx.Response(said.status_code, headers=headers, content=told)


def test_a_customer_and_its_project_that_are_made_between_two_readings_stay_together(tmp_path: Path):
    owner = "custom_erp.customer"
    bench = Bench(tmp_path, "customer", "project")
    bench.loaded()
    made: list[tuple[str, str, str]] = []

    def between(request: httpx.Request, answer: Answer) -> httpx.Response:
        is_here = "api" in request.url.path
        if not made and request.method == "GET" and request.url.path.endswith("/projects") and is_here:
            made.append(with_project(bench, owner))
        return answer(request)

    bench.between = between
    bench.settle()
    ((id_, project, path),) = made
    assert str(bench.record(project)[path]) == id_


def test_a_document_that_is_added_later_and_names_a_field_otherwise_empties_nothing(tmp_path: Path):
    bench = Bench(tmp_path, "project")
    bench.with_specs("dataflows/custom*.yaml", None)
    one = bench.add(PP, Code="N1", Name="N one", BudgetedHours=12, StartDate="2026-01-02")
    bench.loaded()
    other = bench.partner(one, MP)
    third = bench.add(EP, code="N1", name="N one")
    bench.engine.work_by(topology(SPECS, bench.subjects))
    bench.settle()
    hours = bench.record(one)["BudgetedHours"], bench.record(other)["budget_hours"], bench.record(third)["budgetHours"]
    assert hours == (12, 12, 12)


def test_what_was_made_and_lost_its_answer_does_not_hinder_what_was_linked_in_its_place(bench: Bench):
    old = bench.add(PO, Code="Z9", Name="Old")
    bench.add(ERP, **product(0))
    bench.loaded()
    one = bench.add(ERP, **product(1))
    bench.fault(PO, "drop_after", "create", times=1)
    assert bench.cycle().unknown == 1
    bench.edit(one, code="Z9")
    bench.cycle(pause=0.1)
    for _ in range(6):
        bench.cycle()
    assert bench.hub.read("SELECT * FROM intents WHERE state IN ('sending', 'unknown')").is_empty()
    assert old in bench.all(PO)


def test_a_write_whose_outcome_nobody_knows_follows_its_cluster_and_is_not_made_again(tmp_path: Path):
    bench = Bench(tmp_path, "project")
    bench.add(EP, code="K1", name="K one")
    bench.fault(PP, "answer", "create", times=1, status=422, body={"message": "no"})
    bench.cycle()
    one = bench.add(PP, Code="N1", Name="K one")
    bench.fault(MP, "drop_after", "create", times=1)
    assert bench.cycle().unknown == 1
    known = len(bench.all(MP))
    bench.edit(one, Code="K1")
    bench.cycle(pause=0.1)
    for _ in range(6):
        bench.cycle()
    assert len(bench.all(MP)) == known


def test_an_update_whose_outcome_nobody_knows_is_found_out_after_its_cluster_was_merged(tmp_path: Path):
    bench = Bench(tmp_path, "project")
    other = bench.add(EP, code="K1", name="K one")
    bench.fault(PP, "answer", "create", times=1, status=422, body={"message": "no"})
    bench.cycle()
    bench.fault(EP, "answer", "create", status=422, body={"message": "no"})
    one = bench.add(PP, Code="N1", Name="N one")
    bench.settle()
    bench.edit(one, Name="N two")
    bench.fault(MP, "drop_after", "update", times=1)
    assert bench.cycle().unknown == 1
    bench.fault(MP, "answer", None, status=503, body={"message": "down"})
    bench.edit(other, code="N1")
    bench.cycle()
    bench.heal()
    for _ in range(6):
        bench.cycle()
    assert bench.hub.read("SELECT * FROM intents WHERE state IN ('sending', 'unknown')").is_empty()


def in_question(bench: Bench) -> tuple[str, str]:
    """A project, and the record that was made for it: without an answer, and edited by somebody beside another new one."""
    one = bench.add(PP, Code="N1", Name="N one")
    bench.fault(MP, "drop_after", "create", times=1)
    known = bench.all(MP)
    assert bench.cycle().unknown == 1
    (made,) = {*bench.all(MP)} - {*known}
    bench.edit(made, code="X1", name="X one")
    other = bench.add(MP, code="Y1", name="Y one")
    bench.settle()
    assert bench.candidates() == [[made, other]]
    return one, made


def test_nobody_is_asked_whether_a_creation_made_what_a_later_one_made_whose_answer_was_lost_too(bench: Bench):
    one = bench.add(ERP, **product(1))
    bench.fault(PO, "drop_before", "create", times=1)
    assert bench.cycle().unknown == 1
    other = bench.add(ERP, **product(2))
    bench.fault(PO, "drop_after", "create", times=1)
    assert bench.cycle().unknown == 2
    bench.settle()
    assert sorted(bench.partner(record, PO) for record in (one, other)) == sorted(bench.all(PO))
    assert bench.told("rejected") == []


def test_what_a_later_creation_made_is_no_stranger_while_it_is_too_early_to_look_for_it(bench: Bench):
    one = bench.add(ERP, **product(1))
    bench.fault(PO, "drop_before", "create", times=1)
    assert bench.cycle().unknown == 1
    bench.cycle()
    other = bench.add(ERP, **product(2))
    bench.fault(PO, "drop_after", "create", times=1)
    visible = bench.engine.world.connection(PO).client_spec("product").visibility_seconds
    assert bench.cycle(pause=visible - 1).unknown == 2
    assert bench.cycle(pause=2).unknown == 2, "the first was looked for twice, and the second not at all"
    bench.settle()
    assert sorted(bench.partner(record, PO) for record in (one, other)) == sorted(bench.all(PO))
    assert bench.told("rejected") == []


def test_creations_that_lost_their_answers_are_all_found_by_reading_their_list_once(tmp_path: Path):
    """It was read once for each of them."""
    bench = Bench(tmp_path, "project")
    bench.loaded()
    known = {*bench.all(MP)}
    projects = [bench.add(PP, Code=f"N{number}", Name=f"N {number}") for number in range(1, 5)]
    bench.fault(MP, "drop_after", "create", times=2)
    bench.fault(MP, "drop_before", "create", times=2, skip=2)
    assert bench.cycle().unknown == 4
    read: list[str] = []

    def between(request: httpx.Request, answer: Answer) -> httpx.Response:
        if request.method == "GET":
            read.append(f"{system_of(request)} {request.url.path}")
        return answer(request)

    bench.between = between
    assert bench.cycle().unknown == 2
    assert [number for number in Counter(read).values() if number > 1] == [2], "read for news, and once more"
    bench.settle()
    assert {bench.partner(project, MP) for project in projects} == {*bench.all(MP)} - known
    assert bench.told("rejected") == []


def test_a_record_that_may_have_been_made_is_not_made_again_by_specs_that_ask_for_it_once_more(tmp_path: Path):
    bench = Bench(tmp_path, "project")
    bench.settle()
    known = bench.all(EP)
    in_question(bench)
    bench.with_specs("dataflows/powerofficego_custompms.yaml", None)
    bench.settle()
    bench.engine.work_by(topology(SPECS, bench.subjects))
    for _ in range(3):
        bench.cycle()
    assert (bench.writes, bench.all(EP), len(bench.held())) == ([], known, 1)


def test_what_was_deleted_is_not_made_again_from_what_may_have_been_made_for_it(tmp_path: Path):
    bench = Bench(tmp_path, "project")
    bench.settle()
    known = bench.all(EP), bench.all(PP)
    one, _ = in_question(bench)
    bench.erase(one)
    for _ in range(4):
        bench.cycle(full=True)
    assert (bench.all(EP), bench.all(PP)) == known
    assert (len(bench.told("gone")), bench.writes, len(bench.held())) == (1, [], 1)


def test_nothing_is_made_where_the_list_broke_off_until_it_was_read_whole(bench: Bench):
    """What would be made may stand on a page that nobody has seen."""
    other = bench.add(PO, Code="OTHER", Name="Other")
    bench.fault(PO, "loop", "list")
    bench.fault(PO, "error", "list", skip=1)
    one = bench.add(ERP, **product(0))
    assert bench.cycle().planned.waiting == 1
    assert bench.all(PO) == [other]
    ((reason,),) = bench.hub.read("SELECT reason FROM changes").rows()
    assert reason.startswith("it may be there already: poweroffice_go.product was not read to its end (page 2 failed")
    bench.heal()
    bench.settle()
    assert bench.partner(one, PO) in bench.all(PO)


def test_of_a_record_that_cannot_be_read_no_second_one_is_made_and_all_others_are(bench: Bench):
    first, second = (bench.add(ERP, **product(number)) for number in range(2))
    hidden = bench.add(PO, Code=bench.record(first)["code"], Name="Unreadable")
    bench.fault(PO, "show", "list", property="Name", value="a\x00b", times=1)
    bench.cycle()
    made = [record for record in bench.all(PO) if record != hidden]
    assert [bench.record(record)["Code"] for record in made] == [bench.record(second)["code"]]
    assert unreadable(bench.engine.world) == {
        hidden: "text that cannot be stored (NUL, half a surrogate pair) or a number that is none (NaN, Infinity)"
    }
    bench.settle(full=True)
    assert bench.partner(first, PO) == hidden
    assert unreadable(bench.engine.world) == {}


def test_what_a_creation_made_much_later_is_asked_about_also_after_its_cluster_was_merged(tmp_path: Path):
    bench = Bench(tmp_path, "project")
    other = bench.add(EP, code="K1", name="K one")
    bench.fault(PP, "answer", "create", times=1, status=422, body={"message": "no"})
    bench.cycle()
    bench.fault(EP, "answer", "create", status=422, body={"message": "no"})
    bench.fault(MP, "answer", "create", times=1, status=202, body={"status": "queued"})
    one = bench.add(PP, Code="N1", Name="N one")
    for _ in range(4):
        bench.cycle()
    assert any("done later, and nothing of it is to be seen" in reason for reason in bench.held())
    sent = json.loads(bench.bodies[-1])
    bench.heal()
    bench.edit(other, code="N1")
    bench.cycle()
    assert bench.linked(one)[EP] == other
    bench.edit(one, Code="N2")
    bench.cycle()
    known = bench.all(EP)
    made = bench.add(MP, **sent)
    bench.settle()
    assert (bench.candidates(), bench.all(EP)) == ([[made]], known)


def test_a_double_of_what_is_being_made_gets_no_counterpart_while_nobody_knows_whether_it_was(tmp_path: Path):
    """As it would get none once the first one is there: which of the two is meant, a person says."""
    bench = Bench(tmp_path, "customer", "contact")
    bench.loaded()
    company = {"Name": "Acme AS", "OrganizationNumber": "983456789", "EmailAddress": "post@acme.example"}
    bench.add("poweroffice_go.customers", **company)
    pms = "custom_pms.customer"

    def accepted(request: httpx.Request, answer: Answer) -> httpx.Response:
        if request.method == "POST" and "v1/customers" in request.url.path:
            answer(request)
            raise httpx.ReadTimeout("no answer", request=request)
        return answer(request)

    bench.between = accepted
    bench.cycle()
    bench.between = lambda request, answer: answer(request)
    assert len(bench.all(pms)) == 1
    bench.add("poweroffice_go.customers", **company)
    bench.cycle(pause=0)
    assert len(bench.all(pms)) == 1
    for _ in range(4):
        bench.cycle()
    assert len(bench.all(pms)) == 1
