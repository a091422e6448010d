"""What is asked of a hub, however many rows answer."""

import pytest

from talk_assets.hub import open_hub
from talk_assets.hub.few import FEW
from tests.hub.support import START

VALUES = ("it's ?", "$1", "", None, True, 7, 2**63, START, ["a", "?"])


@pytest.mark.parametrize("rows", [3, FEW + 1])
def test_parameters_are_values_whatever_they_hold(rows: int):
    statement = "SELECT range AS n, ? AS told, '?' AS \"$1\" FROM range(?) ORDER BY n LIMIT ?"
    with open_hub(":memory:") as hub:
        for value in VALUES:
            found = hub.read(statement, [value, 2 * rows, rows])
            assert found.columns == ["n", "told", "$1"]
            assert found["n"].to_list() == list(range(rows))
            assert found["told"].to_list() == [value] * rows
            assert set(found["$1"]) == {"?"}


def test_a_parameter_may_stand_in_several_places_or_be_nothing(hub):
    statement = "SELECT range AS n FROM range($2) WHERE $1 IS NULL OR range > $1 ORDER BY n"
    for rows in (3, FEW + 10):
        assert hub.read(statement, [None, rows])["n"].to_list() == list(range(rows))
        assert hub.read(statement, [1, rows])["n"].to_list() == list(range(2, rows))
