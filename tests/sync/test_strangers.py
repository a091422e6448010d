"""What a new record must hold to be what may have come of a creation: all that was sent, as far as it says anything of it."""

import polars as pl

from talk_assets.specs.property import Property
from talk_assets.sync.doubt.strangers import holding
from talk_assets.sync.meaning.values import ABSENT, MISFIT
from tests.sync.test_keys import entity

CRM = entity(
    "crm",
    {
        "email": Property(type="string", format="email"),
        "name": Property(type="string"),
        "price": Property(type="decimal"),
        "number": Property(type="integer"),
        "secret": Property(type="string", access="write_only"),
    },
)


def held(*sent: dict[str, str], shown: dict[str, str | None]) -> list[int]:
    """The numbers of those of some creations of which a record holds all that was sent."""
    numbered = pl.DataFrame(
        [(number, list(one), list(one.values())) for number, one in enumerate(sent)],
        schema={"number": pl.Int64, "paths": pl.List(pl.String), "after": pl.List(pl.String)},
        orient="row",
    )
    record = pl.DataFrame([{"#id": "7", **{path: shown.get(path) for path in CRM.columns}}], schema_overrides=TEXTS)
    return holding(CRM, numbered, record).sort("number")["number"].to_list()


TEXTS = dict.fromkeys(["#id", *CRM.columns], pl.String)


def test_a_record_holds_what_was_sent_whatever_else_it_holds_and_however_its_server_spells_it():
    shown: dict[str, str | None] = {"name": "ACME  as", "email": "Post@acme.no", "price": "1.5"}
    assert held({"name": "Acme AS"}, {"email": "post@ACME.no ", "price": "1.50"}, shown=shown) == [0, 1]


def test_properties_may_be_called_as_anything_is():
    assert held({"number": "7", "name": "Acme"}, {"number": "8"}, shown={"number": "007", "name": "Acme"}) == [0]


def test_a_record_that_holds_something_else_or_nothing_in_its_place_does_not():
    sent = {"name": "Acme AS", "email": "post@acme.no"}
    for email in ("other@acme.no", None, f"{MISFIT}no text"):
        assert held(sent, {"name": "Acme AS"}, shown={"name": "Acme AS", "email": email}) == [1]


def test_what_a_record_does_not_mention_says_nothing_unless_it_mentions_none_of_it():
    sent = {"name": "Acme AS", "email": "post@acme.no"}
    assert held(sent, {"email": "post@acme.no"}, shown={"name": "Acme AS", "email": ABSENT}) == [0]


def test_what_is_never_shown_and_what_no_mapping_keeps_is_not_compared():
    assert held({"name": "Acme AS", "secret": "x", "unmapped": "y"}, {"secret": "x"}, shown={"name": "Acme AS"}) == [0]
