import gzip
import json
import time

import httpx
import pytest

from talk_assets.sandbox import start
from talk_assets.sandbox.faults import BadFault, Fault, Faults
from tests.sandbox.clients import Clients, patch, replace

NEW = {"Name": "Blåbær AS", "InvoiceDeliveryType": "Print"}
NATURAL = "LastChangedDateTimeOffset asc,Id asc"


def names(go: httpx.Client) -> list[str]:
    return [row["Name"] for row in go.get("Customers").json()]


def test_the_next_create_is_dropped_before_anything_happens(clients: Clients, go: httpx.Client) -> None:
    clients.fault("poweroffice_go", "drop_before", entity="customers", operation="create", times=1)
    with pytest.raises(httpx.TransportError):
        go.post("Customers", json=NEW)
    assert NEW["Name"] not in names(go)
    assert go.post("Customers", json=NEW).status_code == 201


def test_the_next_create_is_done_and_then_dropped(clients: Clients, go: httpx.Client) -> None:
    clients.fault("poweroffice_go", "drop_after", entity="customers", operation="create", times=1)
    with pytest.raises(httpx.TransportError):
        go.post("Customers", json=NEW)
    assert names(go).count(NEW["Name"]) == 1
    dropped = next(entry for entry in clients.requests("poweroffice_go") if entry["operation"] == "create")
    assert (dropped["outcome"], dropped["status"], dropped["faults"]) == ("dropped after", 201, ["drop_after"])


def test_a_fault_hits_its_operation_of_its_entity_only(clients: Clients, go: httpx.Client) -> None:
    clients.fault("poweroffice_go", "error", entity="customers", operation="get")
    assert go.get("Customers").status_code == 200
    assert go.get("Departments/11").status_code == 200
    assert go.get("Customers/1001").status_code == 503


def test_both_names_of_a_collection_mean_the_same_list(clients: Clients, go: httpx.Client) -> None:
    clients.fault("poweroffice_go", "error", entity="customers_person", operation="list", times=1)
    assert [go.get("Customers").status_code for _ in range(2)] == [503, 200]


def test_a_fault_may_let_some_requests_pass_first(clients: Clients, erp: httpx.Client) -> None:
    clients.fault("custom_erp", "error", status=500, skip=2, times=1)
    assert [erp.get("orders").status_code for _ in range(4)] == [200, 200, 500, 200]


def test_throttling_comes_with_and_without_a_time_to_wait(clients: Clients, go: httpx.Client, erp: httpx.Client) -> None:
    clients.fault("poweroffice_go", "throttle", times=1, retry_after="7")
    answer = go.get("Customers")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    clients.fault("custom_erp", "throttle", times=1)
    answer = erp.get("orders")
    assert (answer.status_code, "retry-after" in answer.headers) == (429, False)


def test_throttling_may_name_a_date_or_nonsense(clients: Clients, erp: httpx.Client) -> None:
    clients.fault("custom_erp", "throttle", times=1, retry_after="Sat, 21 Nov 2026 08:00:00 GMT")
    assert erp.get("orders").headers["retry-after"].endswith("GMT")


def test_a_throttled_create_was_not_executed(clients: Clients, go: httpx.Client) -> None:
    clients.fault("poweroffice_go", "throttle", operation="create", times=1)
    assert go.post("Customers", json=NEW).status_code == 429
    assert NEW["Name"] not in names(go)


@pytest.mark.parametrize(("after_commit", "count"), [(False, 0), (True, 1)])
def test_a_server_error_comes_before_or_after_the_deed(clients: Clients, go: httpx.Client, after_commit, count) -> None:
    clients.fault("poweroffice_go", "error", operation="create", times=1, status=502, after_commit=after_commit)
    assert go.post("Customers", json=NEW).status_code == 502
    assert names(go).count(NEW["Name"]) == count


def test_a_truncated_answer_is_no_json(clients: Clients, go: httpx.Client) -> None:
    clients.fault("poweroffice_go", "truncate", times=1)
    answer = go.get("Customers")
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_a_connection_may_close_in_the_middle_of_an_answer(clients: Clients, go: httpx.Client) -> None:
    clients.fault("poweroffice_go", "cut_off", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        go.get("Customers")


def test_a_web_page_comes_with_200(clients: Clients, go: httpx.Client) -> None:
    clients.fault("poweroffice_go", "html", times=1)
    answer = go.get("Customers")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_a_redirect_leads_to_a_login(clients: Clients, go: httpx.Client) -> None:
    clients.fault("poweroffice_go", "redirect", times=1, status=307)
    answer = go.get("Customers")
    assert (answer.status_code, answer.headers["location"]) == (307, "https://login.invalid/")


def test_any_body_can_come_instead(clients: Clients, go: httpx.Client) -> None:
    clients.fault("poweroffice_go", "answer", times=1, body={"errors": ["odd"]})
    assert go.get("Customers").json() == {"errors": ["odd"]}


def test_a_small_answer_may_unpack_to_very_much(clients: Clients, go: httpx.Client) -> None:
    clients.fault("poweroffice_go", "bomb", times=1, megabytes=3)
    with go.stream("GET", "Customers") as answer:
        packed = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert len(packed) < 10_000
    assert len(gzip.decompress(packed)) > 3_000_000


def test_an_answer_may_drip(clients: Clients, go: httpx.Client) -> None:
    before = clients.sandbox.clock.ticks()
    clients.fault("poweroffice_go", "drip", times=1, seconds=0.5, bytes=50)
    answer = go.get("Departments/11")
    assert answer.json()["Code"] == "10"
    assert clients.sandbox.clock.ticks() - before > 10_000_000


def test_an_answer_may_be_late(clients: Clients, go: httpx.Client) -> None:
    before = clients.sandbox.clock.ticks()
    clients.fault("poweroffice_go", "latency", times=1, seconds=30)
    assert go.get("Departments").status_code == 200
    assert clients.sandbox.clock.ticks() - before >= 300_000_000


def test_latency_takes_real_time_where_the_clock_is_real() -> None:
    with start(size=0) as sandbox, Clients(sandbox) as clients:
        go = clients.poweroffice
        clients.fault("poweroffice_go", "latency", seconds=5)
        began = time.monotonic()
        with pytest.raises(httpx.ReadTimeout):
            go.get("Departments", timeout=0.05)
        assert time.monotonic() - began < 2


def test_a_lagging_list_shows_records_as_they_were(clients: Clients, go: httpx.Client) -> None:
    clients.fault("poweroffice_go", "lag", entity="customers", operation="list", seconds=10)
    new = go.post("Customers", json=NEW).json()
    patch(go, "Customers/1001", replace("/Name", "Ny"))
    assert go.get(f"Customers/{new['Id']}").status_code == 200
    assert not {"Ny", NEW["Name"]} & set(names(go))
    clients.sandbox.clock.advance(11)
    assert {"Ny", NEW["Name"]} <= set(names(go))


def test_a_lagging_search_does_not_find_a_new_reference_yet(clients: Clients, erp: httpx.Client) -> None:
    clients.fault("custom_erp", "lag", operation="list", seconds=10)
    erp.post("customers", json={"name": "A", "externalRef": "R"})
    assert erp.get("customers", params={"externalRef": "R"}).json()["total"] == 0
    clients.sandbox.clock.advance(11)
    assert erp.get("customers", params={"externalRef": "R"}).json()["total"] == 1


def test_a_lagging_list_still_shows_what_was_deleted(clients: Clients, go: httpx.Client) -> None:
    new = go.post("Customers", json=NEW).json()
    clients.sandbox.clock.advance(20)
    clients.fault("poweroffice_go", "lag", entity="customers", operation="list", seconds=10)
    go.delete(f"Customers/{new['Id']}")
    assert go.get(f"Customers/{new['Id']}").status_code == 404
    assert NEW["Name"] in names(go)


def test_a_lag_may_hold_for_single_records_too(clients: Clients, go: httpx.Client) -> None:
    clients.fault("poweroffice_go", "lag", seconds=10, get=True)
    new = go.post("Customers", json=NEW).json()
    assert go.get(f"Customers/{new['Id']}").status_code == 404


@pytest.mark.parametrize("rows", [3, -3])
def test_pages_drift(clients: Clients, go: httpx.Client, rows) -> None:
    clients.fault("poweroffice_go", "drift", operation="list", rows=rows)
    seen = []
    for number in range(1, 5):
        answer = go.get("Customers", params={"PageNumber": number, "PageSize": 30, "OrderBy": NATURAL})
        seen += [row["Id"] for row in answer.json()] if answer.content else []
    assert (len(set(seen)) < 101) if rows > 0 else (len(seen) > len(set(seen)))


@pytest.mark.parametrize("system", ["poweroffice_go", "custom_erp", "custom_pms", "crm_office", "invoiced"])
def test_a_list_may_never_end(clients: Clients, system) -> None:
    clients.fault(system, "loop", operation="list")
    match system:
        case "poweroffice_go":
            assert "nextPageLink" in clients.poweroffice.get("Departments").headers["x-pagination"]
        case "custom_erp":
            assert clients.erp.get("orders", params={"limit": 500}).json()["total"] > 28
        case "custom_pms":
            assert clients.pms.get("tasks", params={"page_size": 200}).json()["next_cursor"]
        case "crm_office":
            assert clients.crm.get("users").json()["next"]
        case _:
            assert 'rel="next"' in clients.invoiced.get("/invoices", params={"per_page": 100}).headers["link"]


def test_a_list_may_be_empty_without_reason(clients: Clients, go: httpx.Client, erp: httpx.Client) -> None:
    clients.fault("poweroffice_go", "empty", operation="list", times=1)
    assert go.get("Customers").status_code == 204
    clients.fault("custom_erp", "empty", operation="list", times=1)
    assert erp.get("orders").json()["items"] == []


def test_the_servers_clock_may_be_off(clients: Clients, go: httpx.Client) -> None:
    right = go.get("Departments").headers["date"]
    clients.fault("poweroffice_go", "skew", seconds=-3600)
    assert go.get("Departments").headers["date"] < right or right[17:19] == "00"
    new = go.post("Customers", json=NEW).json()
    clients.control["poweroffice_go"].delete("faults")
    later = go.post("Customers", json=NEW).json()
    assert new["LastChangedDateTimeOffset"] < later["LastChangedDateTimeOffset"]
    assert int(later["LastChangedDateTimeOffset"][11:13]) - int(new["LastChangedDateTimeOffset"][11:13]) in (1, -23)


@pytest.mark.parametrize(
    ("rule", "stored"),
    [("trim", "Blå Bær"), ("upper", "  BLÅ BÆR "), ("lower", "  blå bær "), ("title", "  Blå Bær "), ("cut:4", "  Bl")],
)
def test_a_server_may_store_text_in_its_own_way(clients: Clients, go: httpx.Client, rule, stored) -> None:
    clients.fault("poweroffice_go", "normalise", entity="customers", property="Name", rule=rule)
    assert go.post("Customers", json=NEW | {"Name": "  Blå Bær "}).json()["Name"] == stored


def test_a_server_may_round_numbers(clients: Clients, go: httpx.Client) -> None:
    clients.fault("poweroffice_go", "normalise", entity="product", property="UnitPrice", rule="round:1")
    assert go.post("Products", json={"Name": "A", "UnitPrice": 10.25}).json()["UnitPrice"] == 10.2


def test_what_a_person_types_is_normalised_too(clients: Clients) -> None:
    clients.fault("poweroffice_go", "normalise", property="Name", rule="upper")
    assert clients.sandbox.systems["poweroffice_go"].edit("customers", "1001", {"Name": "ny"})["Name"] == "NY"


def test_a_server_may_leave_a_property_aside(clients: Clients, go: httpx.Client, erp: httpx.Client) -> None:
    clients.fault("poweroffice_go", "ignore", property="PhoneNumber")
    old = go.get("Customers/1001").json()["PhoneNumber"]
    changed = patch(go, "Customers/1001", replace("/PhoneNumber", "1"), replace("/Name", "Ny"))
    assert (changed.status_code, changed.json()["PhoneNumber"], changed.json()["Name"]) == (200, old, "Ny")
    clients.fault("custom_erp", "ignore", property="phone")
    assert erp.post("customers", json={"name": "A", "phone": "1"}).json()["phone"] is None


def test_dates_may_come_with_a_time(clients: Clients, go: httpx.Client) -> None:
    clients.fault("poweroffice_go", "time_in_dates")
    assert go.get("Customers/1001").json()["CustomerSince"] == "2024-01-15T00:00:00"


def test_the_token_call_can_fail_too(clients: Clients) -> None:
    clients.fault("poweroffice_go", "error", operation="token", times=1)
    assert [clients.token_call().status_code for _ in range(2)] == [503, 200]


def test_chance_is_drawn_by_the_seed() -> None:
    def struck(seed: int) -> list[bool]:
        faults = Faults(seed, {"customers": "customers"})
        faults.add(Fault("error", probability=0.5))
        return [bool(faults.strike("customers", "get").faults) for _ in range(50)]

    assert struck(1) == struck(1)
    assert struck(1) != struck(2)
    assert 5 < sum(struck(1)) < 45


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        ({"kind": "drop_aftr"}, "Did you mean drop_after?"),
        ({"kind": "error", "entity": "custmers"}, "Did you mean customers?"),
        ({"kind": "error", "operation": "post"}, "No operation"),
        ({"kind": "error", "stauts": 500}, "Did you mean status?"),
        ({"kind": "error", "status": "x"}, "does not take"),
        ({"kind": "error", "times": 0}, "times"),
        ({"kind": "error", "probability": 2}, "probability"),
        ({"kind": "normalise"}, "needs `property`"),
        ({"kind": "normalise", "property": "Name", "rule": "round:x"}, "No rule"),
        ([], "object"),
    ],
)
def test_a_fault_that_makes_no_sense_is_explained(raw, word) -> None:
    with pytest.raises(BadFault, match=word.replace("?", r"\?")):
        Faults(1, {"customers": "customers"}).parse(raw)


def test_a_person_may_edit_between_our_read_and_our_write(clients: Clients, go: httpx.Client, erp: httpx.Client) -> None:
    name = go.get("Customers/1001").json()["Name"]
    clients.fault("poweroffice_go", "edit", operation="update", times=1, record="customers/1001", changes={"Name": "Hers"})
    answer = patch(go, "Customers/1001", {"op": "test", "path": "/Name", "value": name}, replace("/Name", "Ours"))
    assert answer.status_code == 400
    assert go.get("Customers/1001").json()["Name"] == "Hers"
    row = erp.get("customers", params={"limit": 1}).json()["items"][0]
    etag = erp.get(f"customers/{row['id']}").headers["etag"]
    edit = {"record": f"customer/{row['id']}", "changes": {"name": "Hers"}}
    clients.fault("custom_erp", "edit", operation="update", times=1, **edit)
    assert erp.put(f"customers/{row['id']}", json=row | {"name": "Ours"}, headers={"If-Match": etag}).status_code == 412


def test_a_person_may_edit_right_after_our_write(clients: Clients, go: httpx.Client) -> None:
    clients.fault(
        "poweroffice_go", "edit", operation="update", times=1, record="customers/1001", changes={"Name": "Hers"}, late=True
    )
    assert patch(go, "Customers/1001", replace("/Name", "Ours")).json()["Name"] == "Ours"
    assert go.get("Customers/1001").json()["Name"] == "Hers"


def test_a_property_may_be_shown_with_another_value_or_not_at_all(
    clients: Clients, go: httpx.Client, erp: httpx.Client
) -> None:
    clients.fault("poweroffice_go", "show", operation="list", property="Name", value=None)
    clients.fault("poweroffice_go", "omit", operation="list", property="MailAddress.City")
    rows = go.get("Customers").json()
    assert {row["Name"] for row in rows} == {None}
    assert not any("City" in row.get("MailAddress", {}) for row in rows)
    assert go.get("Customers/1001").json()["Name"]
    clients.fault("custom_erp", "show", property="number", value="text")
    assert erp.get("customers").json()["items"][0]["number"] == "text"


def test_a_list_may_shrink(clients: Clients, erp: httpx.Client, pms: httpx.Client) -> None:
    clients.fault("custom_erp", "shrink", operation="list", keep=0.25)
    assert erp.get("customers", params={"limit": 500}).json()["total"] == 20
    clients.fault("custom_pms", "shrink", operation="list")
    assert len(pms.get("customers", params={"page_size": 200}).json()["data"]) == 28


def test_stamps_may_be_so_coarse_that_they_are_equal(clients: Clients, go: httpx.Client) -> None:
    clients.fault("poweroffice_go", "coarse", seconds=60)
    stamps = {go.post("Customers", json=NEW).json()["LastChangedDateTimeOffset"] for _ in range(3)}
    assert len(stamps) == 1
    assert stamps.pop().endswith(":00.0000000+00:00")


def test_an_answer_may_be_any_text(clients: Clients, go: httpx.Client) -> None:
    clients.fault("poweroffice_go", "answer", times=1, text='[{"Id":1,"Id":2,"Name":NaN}]')
    assert go.get("Customers").text == '[{"Id":1,"Id":2,"Name":NaN}]'


@pytest.mark.parametrize(
    "raw", [{"kind": "edit"}, {"kind": "edit", "record": "nonsense/1"}, {"kind": "edit", "record": "customers/99"}]
)
def test_an_edit_meanwhile_needs_a_record(clients: Clients, raw) -> None:
    assert clients.control["poweroffice_go"].post("faults", json=raw).status_code == 400
