"""A property that its system calls otherwise from one day to the next, and the specs with it."""

from functools import partial
from pathlib import Path

import httpx
import pytest

from talk_assets.simulate.renaming import Renaming
from talk_assets.simulate.schedule import draw
from talk_assets.simulate.seldom import RENAMED
from talk_assets.simulate.trial import play
from tests.faults.bench import ERP, PO, SPECS, Answer, Bench, product

OTHERWISE = {ERP: Renaming(ERP, "description"), PO: Renaming(PO, "Description")}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def rename(bench: Bench, renaming: Renaming) -> None:
    def between(request: httpx.Request, answer: Answer) -> httpx.Response:
        is_about = renaming.is_about(request, bench.estate.topology)
        return renaming.passed(request, answer) if is_about else answer(request)

    bench.between = between
    bench.engine.work_by(renaming.of(bench.estate.topology))


@pytest.mark.parametrize("where", [ERP, PO])
def test_nothing_is_written_for_another_name_alone_and_edits_go_on_both_ways(bench: Bench, where: str):
    one = bench.add(ERP, **product(1))
    bench.loaded()
    other = bench.partner(one, PO)
    rename(bench, OTHERWISE[where])
    for _ in range(2):
        bench.cycle(full=True)
    assert bench.writes == []
    for text, edit in (
        ("There", partial(bench.edit, one, description="There")),
        ("Back", partial(bench.edit, other, Description="Back")),
    ):
        edit()
        bench.settle()
        assert (bench.record(one)["description"], bench.record(other)["Description"]) == (text, text)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
@pytest.mark.parametrize("operation", ["create", "update"])
def test_what_became_of_a_write_that_named_a_property_as_it_was_called_is_found_out(bench: Bench, kind: str, operation: str):
    bench.add(ERP, **product(0))
    one = bench.add(ERP, **product(1))
    bench.loaded()
    bench.fault(PO, kind, operation, times=1)
    if operation == "update":
        bench.edit(one, description="Another")
    else:
        one = bench.add(ERP, **product(2, description="Another"))
    assert bench.cycle().unknown == 1
    rename(bench, OTHERWISE[PO])
    for _ in range(4):
        bench.cycle()
    assert bench.hub.read("SELECT * FROM intents WHERE state IN ('sending', 'unknown')").is_empty()
    texts = [bench.record(other)["Description"] for other in bench.all(PO)]
    assert texts.count("Another") == 1 or bench.held(), "it is there once, or somebody is asked"
    assert len(bench.all(PO)) <= len(bench.all(ERP))


@pytest.mark.long
@pytest.mark.parametrize("seed", [351, 742, 912])
def test_what_once_fell_over_a_name(seed: int):
    schedule = draw(seed, SPECS)
    assert RENAMED in schedule.upheavals
    assert play(schedule).violations == []
