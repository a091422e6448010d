"""What somebody does to a record, or to what it is recognised by, while nobody knows whether its counterpart was made."""

from pathlib import Path

import pytest

from talk_assets.simulate.schedule import draw
from talk_assets.simulate.trial import play
from tests.faults.bench import ERP, PO, SPECS, Bench, product


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    found = Bench(tmp_path)
    found.add(ERP, **product(0))
    found.loaded()
    return found


def test_what_was_made_and_given_another_key_before_its_creation_is_found_out_is_asked_about_and_not_made_again(bench: Bench):
    one = bench.add(ERP, **product(1))
    bench.fault(PO, "drop_after", "create", times=1)
    assert bench.cycle().unknown == 1
    made = bench.all(PO)[-1]
    bench.edit(made, Code="Z1")
    for _ in range(4):
        bench.cycle()
    assert bench.all(PO)[-1] == made
    assert bench.candidates() == [[made]]
    assert bench.linked(one) == {ERP: one}


def test_a_record_that_could_not_be_told_from_another_gets_its_counterpart_once_that_has_another_key(bench: Bench):
    one = bench.add(ERP, **product(1))
    bench.settle()
    partner = bench.partner(one, PO)
    bench.edit(one, code="P9")
    twin = bench.add(ERP, **product(2, code="P1"))
    bench.settle()
    assert bench.record(partner)["Code"] == "P9"
    assert bench.record(bench.partner(twin, PO))["Code"] == "P1"


def test_a_record_that_waits_for_a_choice_waits_no_more_once_it_is_gone(bench: Bench):
    for number in range(1, 8):
        bench.add(ERP, **product(number))
    bench.settle()
    with_its_key = bench.add(PO, Code="P1 ", Name="Another")
    bench.settle(full=True)
    assert bench.hub.value("SELECT count(*) FROM ambiguous") == 1
    bench.erase(with_its_key)
    bench.settle(full=True)
    bench.settle(full=True)
    assert bench.told("gone")
    assert bench.hub.value("SELECT count(*) FROM ambiguous") == 0


@pytest.mark.long
@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(402, id="what was made is given another key"),
        pytest.param(597, id="a choice that ends by an edit"),
        pytest.param(867, id="a restored system that gives the id of a source again"),
        pytest.param(1452, id="who waits for a choice is gone"),
    ],
)
def test_what_once_broke_a_promise_beside_a_write_without_an_answer(seed: int):
    assert play(draw(seed, SPECS)).violations == []
