"""Ways round through many mappings are found without walking every one of them."""

import time
from pathlib import Path

from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.problems import Problem
from talk_assets.specs.resolve import Resolved, resolve
from talk_assets.specs.topology import Meetings, circles
from talk_assets.specs.verify import verify

HEAD = """\
system: centre
title: Hub
schedule: "0 * * * *"
full_sweep: "0 3 * * *"
clients:
  api: {base_url: "https://x", auth: {type: bearer, token: {env: T}}, paginator: {type: single_page}, limits: {requests: 1}}
entities:
"""
ENTITY = (
    "  e{n:02}: {{title: E{n:02}, subject: thing, list: {{path: a}}, create: {{path: a}}, update: {{path: a, style: put}}, "
    "properties: {{id: {{type: string}}, name: {{type: string, unique: true, nullable: false}}}}}}\n"
)


def hub(folder: Path, entities: int, edges: list[tuple[int, int]], extra: str = "match: [[name, name]], ") -> Resolved:
    (folder / "hub.yaml").write_text(HEAD + "".join(ENTITY.format(n=n) for n in range(entities)))
    lines = [f"  - {{source: e{a:02}, target: e{b:02}, create: always, {extra}properties: [[name, name]]}}\n" for a, b in edges]
    (folder / "flow.yaml").write_text("source: centre\ntarget: centre\nmappings:\n" + "".join(lines))
    return resolve(load_catalog(folder))


def ways(resolved: Resolved) -> list[list[str]]:
    return [[mapping.source.name for mapping in circle.way] for circle in circles(resolved.mappings)]


def codes(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.code for problem in problems]


def test_everything_to_everything_is_one_circle_found_at_once(tmp_path: Path):
    edges = [(a, b) for a in range(30) for b in range(30) if a != b]
    resolved = hub(tmp_path, 30, edges)
    started = time.perf_counter()
    problems = verify(resolved)
    assert time.perf_counter() - started < 10
    assert codes(problems).count("cycle") == 1
    assert "(28 more entities lead round as well)" in next(problem.message for problem in problems if problem.code == "cycle")


def test_layers_that_never_lead_back_are_no_circle(tmp_path: Path):
    edges = [(4 * layer + a, 4 * layer + 4 + b) for layer in range(9) for a in range(4) for b in range(4)]
    assert ways(hub(tmp_path, 40, edges)) == []


def test_each_circle_is_told_by_a_shortest_way_round(tmp_path: Path):
    edges = [(0, 1), (1, 2), (2, 0), (2, 1), (3, 4), (4, 5), (5, 3), (2, 3)]
    assert sorted(ways(hub(tmp_path, 6, edges))) == [["e00", "e01", "e02"], ["e03", "e04", "e05"]]


def test_an_entity_that_makes_more_of_itself_is_a_circle_of_its_own(tmp_path: Path):
    problems = verify(hub(tmp_path, 2, [(0, 0), (0, 1)], extra=""))
    assert codes(problems).count("cycle-unsafe") == 1


def test_an_entity_matched_with_itself_is_searched_for_duplicates(tmp_path: Path):
    problems = verify(hub(tmp_path, 1, [(0, 0)], extra="match_or_create: true, match: [[id, id]], "))
    assert "merges-duplicates" in codes(problems)
    assert "cycle-unsafe" not in codes(problems)


def test_meetings_remember_the_joint_that_brought_two_together():
    meetings = Meetings[str]()
    for number, (one, other) in enumerate([("a", "b"), ("c", "d"), ("b", "c"), ("a", "d")]):
        meetings.join(one, other, number)
    assert (meetings.met("a", "b"), meetings.met("c", "d"), meetings.met("a", "d"), meetings.met("a", "x")) == (0, 1, 2, None)
