from hypothesis import given
from hypothesis import strategies as st

from talk_assets.sandbox.seed.rows import numbered
from talk_assets.sandbox.store import Collection, Stored

SIZE = 8
CHANGES = st.lists(st.tuples(st.integers(0, SIZE + 3), st.sampled_from(["put", "quiet", "remove"])), max_size=25)


def fresh() -> Collection:
    return Collection("things", numbered(SIZE, 1, lambda place: {"name": f"n{place % 3}"}))


def order_of(stored: Stored) -> tuple[int, int]:
    return stored.changed, int(stored.id)


def applied(
    collection: Collection, changes: list[tuple[int, str]]
) -> tuple[dict[str, Stored], list[tuple[int, dict[str, Stored]]]]:
    """The same changes to a plain dictionary, and what that held at each moment."""
    plain = {stored.id: stored for stored in collection.view().scan()}
    now = max(stored.changed for stored in plain.values()) + 10
    history = [(now - 1, dict(plain))]
    for number, kind in changes:
        record_id = str(number + 1)
        old = plain.get(record_id)
        if kind == "remove":
            if old:
                collection.remove(record_id, now)
                del plain[record_id]
        else:
            changed = old.changed if old and kind == "quiet" else now
            new = Stored(record_id, {"name": f"x{now % 4}"}, now, changed, old.version + 1 if old else 1)
            collection.put(new, now)
            plain[record_id] = new
        history.append((now, dict(plain)))
        now += 10
    return plain, history


@given(CHANGES)
def test_a_view_shows_all_records_in_the_order_of_their_stamps(changes) -> None:
    collection = fresh()
    plain, _ = applied(collection, changes)
    expected = sorted(plain.values(), key=order_of)
    assert list(collection.view().scan()) == expected
    assert len(collection) == len(expected)
    assert collection.view().slice(2, 5) == expected[2:5]
    assert all(collection.get(record_id) == plain.get(record_id) for record_id in map(str, range(15)))


@given(CHANGES)
def test_what_changed_since_a_moment_starts_at_its_place(changes) -> None:
    collection = fresh()
    plain, _ = applied(collection, changes)
    for moment in {stored.changed for stored in plain.values()}:
        expected = sorted((s for s in plain.values() if s.changed > moment), key=order_of)
        assert list(collection.view().scan(collection.view().since(moment))) == expected


@given(CHANGES)
def test_every_past_moment_can_be_seen_again(changes) -> None:
    collection = fresh()
    _, history = applied(collection, changes)
    for moment, then in history:
        assert list(collection.view_at(moment).scan()) == sorted(then.values(), key=order_of)


@given(CHANGES, st.booleans())
def test_records_are_found_by_value(changes, early) -> None:
    collection = fresh()
    if early:
        collection.find("name", "n1")
    plain, _ = applied(collection, changes)
    for name in ("n0", "n1", "n2", "x0", "x1", "x2", "x3"):
        expected = {s.id for s in plain.values() if s.body["name"] == name}
        assert {s.id for s in collection.find("name", name)} == expected
