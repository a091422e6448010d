"""What persons decide, kept in the hub; and that what has no answer is sent once."""

import json
from pathlib import Path

import polars as pl

from talk_assets.hub import Hub, never
from talk_assets.sandbox.faults import Fault
from tests.hub.support import make_lists
from tests.operator.desk import Desk

PAIR = pl.DataFrame({"entity": ["a.b"], "id": ["1"], "other_entity": ["c.d"], "other_id": ["2"]})
TURNED = PAIR.select(entity="other_entity", id="other_id", other_entity="entity", other_id="id")


def test_pairs_are_kept_apart_until_they_are_let_together_in_either_order() -> None:
    with Hub.open(":memory:") as hub:
        for _ in range(2):
            hub.run(lambda: never.add(hub, PAIR, "Kari"))
        assert never.pairs(hub).equals(PAIR)
        hub.run(lambda: never.lift(hub, TURNED))
        assert never.pairs(hub).is_empty()


def test_a_hub_of_an_older_program_gets_the_tables_it_lacks(tmp_path: Path) -> None:
    url = f"duckdb:{tmp_path / 'hub.duckdb'}"
    with Hub.open(url) as hub, hub.transaction():
        hub.write("DROP TABLE never")
        make_lists(hub)
        hub.write("UPDATE meta SET value = '1' WHERE key = 'schema'")
    with Hub.open(url) as hub:
        assert never.pairs(hub).is_empty()


def test_a_creation_without_an_answer_is_found_again_and_not_repeated(desk: Desk) -> None:
    pms = desk.sandbox.systems["custom_pms"]
    pms.faults.add(Fault("drop_after", "customer", "create", 1))
    new = {"Name": "Ekko Lyd AS", "OrganizationNumber": "810009993", "EmailAddress": "post@ekko.example"}
    desk.sandbox.systems["poweroffice_go"].add("customers", new)
    desk.forget_requests()
    desk.talk("sync")
    sent = [write for write in desk.writes() if write.startswith("POST custom_pms")]
    found = [stored for stored in pms.collections["customer"].view().scan() if stored.body.get("name") == "Ekko Lyd AS"]
    assert (len(sent), len(found)) == (1, 1)
    story = json.loads(desk.talk("why", f"custom_pms.customer/{found[0].id}", "--json"))
    assert len(story["members"]) == 4
    assert any(" adopted " in line for line in story["history"])
