"""Laws of translating and planning, whatever is agreed and whatever is there."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from talk_assets.sync.meaning.model import Model
from talk_assets.sync.meaning.values import ABSENT
from talk_assets.sync.merge import CELLS, merge
from talk_assets.sync.plan import Known, plan
from talk_assets.sync.translate import DESIRED, in_columns, translate, translate_all
from tests.sync.support import NOON, flow, golden, known, model, seen

COMPANY, CUSTOMER = "alpha.company", "beta.customer"
FIELDS = (f"{COMPANY}.name", f"{COMPANY}.email")
PATHS: Mapping[tuple[str, str], str] = {
    (COMPANY, "name"): FIELDS[0],
    (COMPANY, "email"): FIELDS[1],
    (CUSTOMER, "name"): FIELDS[0],
    (CUSTOMER, "mail"): FIELDS[1],
}
VALUES = st.sampled_from((None, "a@x.no", "b@x.no", "c@x.no"))
VERSION = 3
FRAMES = ("members", "referred", "accepted", "tombstones", "connected")
"""What is known, but for what is observed."""


@cache
def made() -> Model:
    return model(flow("[name, name]", "[email, mail]", create="always"))


@st.composite
def situations(draw: st.DrawFn) -> tuple[pl.DataFrame, Known]:
    """Some clusters: what is agreed on them, which records there are, what those hold and what they have taken."""
    values, members, observed, accepted, dead = {}, [], {}, {}, []
    for cluster in range(1, draw(st.integers(1, 4)) + 1):
        values |= {(cluster, field): draw(VALUES) for field in draw(st.sets(st.sampled_from(FIELDS)))}
        for entity in draw(st.sets(st.sampled_from((COMPANY, CUSTOMER)), min_size=1)):
            place = (cluster, entity, f"{entity} {cluster}")
            members.append(place)
            for (owner, path), field in PATHS.items():
                if owner == entity:
                    observed[*place, path] = draw(VALUES | st.just(ABSENT))
                    accepted[*place, field] = draw(st.integers(0, VERSION))
        if draw(st.booleans()):
            dead.append((cluster, CUSTOMER))
    return golden(values, VERSION), known(members, observed, accepted, dead)


def due(agreed: pl.DataFrame, there: Known) -> pl.DataFrame:
    desired = [translate(one, agreed, made()) for one in made().mappings]
    return plan(pl.concat([DESIRED.to_frame(), *desired]), there, made())


def written(rows: pl.DataFrame, there: Known) -> Known:
    """What is there once all updates were written."""
    updates = rows.filter((pl.col("kind") == "update") & (pl.col("state") == "ready"))
    field = ["cluster", "entity", "id", "field"]
    now = {
        (one[0], one[1], one[2], one[3]): one[4]
        for one in updates.select("cluster", "entity", "id", "path", "after").iter_rows()
    }
    taken = updates.select("cluster", "entity", "id", field="fields", accepted="version").explode("field")
    return replace(
        there,
        observed=seen(held(there) | now),
        accepted=pl.concat([there.accepted.join(taken, on=field, how="anti"), taken]),
    )


def held(there: Known) -> dict[tuple[int, str, str, str], str | None]:
    """By cluster, entity, id and path."""
    return {
        (row["#cluster"], entity, row["#id"], path): row[path]
        for entity, rows in there.observed.items()
        for row in rows.iter_rows(named=True)
        for path in rows.columns[2:]
    }


def each_part(there: Known, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Known:
    """The same with something done to each frame."""
    observed = {entity: change(rows) for entity, rows in there.observed.items()}
    return replace(there, observed=observed, **{name: change(getattr(there, name)) for name in FRAMES})


def only(frame: pl.DataFrame, cluster: int) -> pl.DataFrame:
    return frame.filter(pl.col("#cluster" if "#cluster" in frame.columns else "cluster") == cluster)


def parts(there: Known) -> list[pl.DataFrame]:
    return [*there.observed.values(), *(getattr(there, name) for name in FRAMES)]


@settings(max_examples=25)
@given(situations(), st.randoms(use_true_random=False))
def test_the_order_of_what_is_known_decides_nothing(situation, chance):
    agreed, there = situation

    def shuffled(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.sample(fraction=1, shuffle=True, seed=chance.randrange(1000))

    assert due(shuffled(agreed), each_part(there, shuffled)).equals(due(agreed, there))


@settings(max_examples=25)
@given(situations())
def test_what_was_written_is_not_due_again(situation):
    agreed, there = situation
    after = due(agreed, written(due(agreed, there), there))
    assert after.filter((pl.col("kind") == "update") & (pl.col("state") == "ready")).is_empty()


@settings(max_examples=25)
@given(situations())
def test_only_what_is_newer_and_different_is_written_and_only_what_was_agreed(situation):
    agreed, there = situation
    rows = due(agreed, there)
    values = {(cluster, field): value for cluster, field, value in agreed.select("cluster", "field", "value").iter_rows()}
    before_it = {(cluster, entity, path): value for (cluster, entity, _, path), value in held(there).items()}
    taken = {(one[0], one[1], one[3]): one[4] for one in there.accepted.iter_rows()}
    for row in rows.filter(pl.col("kind") == "update").iter_rows(named=True):
        field = PATHS[row["entity"], row["path"]]
        assert row["after"] == values[row["cluster"], field], "nothing is invented"
        before, took = before_it[row["cluster"], row["entity"], row["path"]], taken[row["cluster"], row["entity"], field]
        assert row["after"] != before, "nothing is written that is there"
        assert before != ABSENT or row["after"] is not None or took > 0, "what is not shown is emptied only where it was told"
        assert took < VERSION, "nothing is written that was taken"
    creations = rows.filter(pl.col("kind") == "create")
    there_or_dead = set(there.members.select("cluster", "entity").rows()) | set(there.tombstones.rows())
    assert not there_or_dead & set(creations.select("cluster", "entity").rows())
    assert set(creations["entity"]) <= {CUSTOMER}, "only the documented direction creates"
    for row in creations.filter(pl.col("path").is_not_null()).iter_rows(named=True):
        assert row["after"] == values[row["cluster"], PATHS[CUSTOMER, row["path"]]]


@settings(max_examples=25)
@given(situations())
def test_planning_changes_nothing_that_it_was_given(situation):
    agreed, there = situation
    given_ = (agreed, *parts(there))
    before = [part.clone() for part in given_]
    assert due(agreed, there).equals(due(agreed, there))
    assert all(part.equals(was) for part, was in zip(given_, before, strict=True))


@settings(max_examples=25)
@given(situations())
def test_each_cluster_is_planned_as_if_it_were_alone(situation):
    agreed, there = situation
    whole = due(agreed, there)
    for cluster in agreed["cluster"].unique():
        assert due(only(agreed, cluster), each_part(there, partial(only, cluster=cluster))).equals(only(whole, cluster))


@settings(max_examples=50)
@given(situations())
def test_what_is_there_and_what_is_said_twice_can_be_left_out_without_changing_the_plan(situation):
    agreed, there = situation
    twice = model(
        flow("[name, name]", "[email, mail]", create="always"),
        flow("[email, mail]", "[name, name]", mapping="source: company, target: customer"),
    )
    desired = pl.concat([DESIRED.to_frame(), *(translate(one, agreed, twice) for one in twice.mappings)])
    ((subject, names),) = twice.subjects.items()
    brief = translate_all({subject: in_columns(agreed, names)}, twice, there.observed)
    assert plan(brief, there, twice).equals(plan(desired, there, twice))
    assert len(brief) <= len(desired) / 2


def test_what_is_not_shown_any_more_is_told_nothing_again():
    """It was written anew in every cycle."""
    cell = (1, FIELDS[0], CUSTOMER, "7", ABSENT, None, False, VERSION, NOON, 1, False)
    hidden = merge(pl.DataFrame([cell], schema=CELLS, orient="row"), golden({(1, FIELDS[0]): "Acme"}, VERSION))
    assert hidden.accepted["accepted"].to_list() == [VERSION]
