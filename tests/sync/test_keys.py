"""Match keys: the same thing written differently is the same; what says nothing is no key."""

import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talk_assets.specs.client import Bearer, Client, Limits, Secret, SinglePage
from talk_assets.specs.property import Property
from talk_assets.specs.reading import Listing
from talk_assets.specs.resolve import EntityRef
from talk_assets.specs.system import Entity, SystemSpec
from talk_assets.sync.meaning.keys import KEYS, Kind, in_one, kind_of, match_keys, with_normal
from talk_assets.sync.meaning.model import EntityModel, MatchModel
from talk_assets.sync.meaning.values import ABSENT, MISFIT

KINDS: list[Kind] = ["email", "organisation_number", "phone", "decimal", "digits", "plain", "text"]
PROPERTIES = {
    "email": Property(type="string", format="email"),
    "orgnr": Property(type="string", format="organisation_number"),
    "name": Property(type="string"),
    "number": Property(type="integer"),
    "code": Property(type="string"),
}


def entity(system: str, properties: dict[str, Property]) -> EntityModel:
    spec = SystemSpec(
        system=system,
        title=system,
        schedule="* * * * *",
        full_sweep="0 0 * * *",
        clients={
            "main": Client(
                base_url="https://example.com",
                auth=Bearer(type="bearer", token=Secret(env="TOKEN")),
                paginator=SinglePage(type="single_page"),
                limits=Limits(requests=1),
            )
        },
        entities={"customer": Entity(title="Customer", subject="customer", list=Listing(path="/"), properties=properties)},
    )
    return EntityModel(EntityRef(spec, "customer"), "customer", tuple(properties), ())


ERP, CRM = entity("erp", PROPERTIES), entity("crm", PROPERTIES)


def rule(number: int, *pairs: tuple[str, str]) -> MatchModel:
    return MatchModel(number, ERP.key, CRM.key, pairs)


def values(**columns: list[str | None]) -> pl.DataFrame:
    height = max(map(len, columns.values()))
    return pl.DataFrame(
        {"#id": [str(number) for number in range(height)]} | {path: columns.get(path, [None] * height) for path in PROPERTIES},
        schema=dict.fromkeys(["#id", *PROPERTIES], pl.String),
    )


def one(text: str | None, kind: Kind) -> str | None:
    return with_normal(pl.DataFrame({"x": [text]}, schema={"x": pl.String}), [("x", kind)])[:, -1].item()


@pytest.mark.parametrize(
    ("kind", "text", "key"),
    [
        ("email", " Post@Example.NO ", "post@example.no"),
        ("email", "n/a", None),
        ("organisation_number", "NO 987 654 321 MVA", "987654321"),
        ("organisation_number", "no987.654.321mva", "987654321"),
        ("organisation_number", "Foretaksregisteret NO 987\u00a0654\u00a0321 MVA", "987654321"),
        ("organisation_number", "Org.nr. 987 654 321", "987654321"),
        ("organisation_number", "SE556703-7485", "SE5567037485"),
        ("organisation_number", "MVA", None),
        ("organisation_number", "000 000 000", None),
        ("phone", "+47 22 86 44 00", "22864400"),
        ("phone", "0047 22864400", "22864400"),
        ("phone", "22 86 44 00", "22864400"),
        ("phone", "(+47) 22-86.44/00", "22864400"),
        ("phone", "0046 70 123 45 67", "+46701234567"),
        ("phone", "+44 (0)20 7946 0000", "+442079460000"),
        ("phone", "ukjent", None),
        ("phone", "+47", None),
        ("digits", "00150", "150"),
        ("digits", "+7", "7"),
        ("digits", "000", "0"),
        ("digits", "-007", "-7"),
        ("digits", "70 3800 0012 345", "7038000012345"),
        ("decimal", "001.50", "1.5"),
        ("decimal", "100", "100"),
        ("decimal", "5.00", "5"),
        ("text", "  Blå\tKråke \n AS ", "blå kråke as"),
        ("text", "Cafe\u0301", "café"),
        ("text", "STRASSE", "strasse"),
        ("text", "Straße", "strasse"),
        ("text", "ΟΔΟΣ", "οδοσ"),
        ("plain", "2024-08-28", "2024-08-28"),
        ("plain", "T ", "T "),
    ],
)
def test_a_value_has_one_form(kind: Kind, text: str, key: str | None):
    assert one(text, kind) == key


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", [None, "", ABSENT, f"{MISFIT}x is no number, as number needs"])
def test_what_says_nothing_is_no_key(kind: Kind, text: str | None):
    assert one(text, kind) is None


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "plain"])
@pytest.mark.parametrize("text", [" ", "\t\n", "\u00a0"])
def test_blanks_are_no_key(kind: Kind, text: str):
    assert one(text, kind) is None


letters = st.text(st.sampled_from("aAåÅéÉßẞſΣσςŉǰΐﬁ ΑЖж\u0301\u00a0\t0-+@.NOMVA/()"), max_size=12)


@given(st.sampled_from(KINDS), letters)
def test_a_normal_form_is_its_own(kind: Kind, text: str):
    form = one(text, kind)
    assert form is None or one(form, kind) == form


@given(letters)
def test_texts_fold_as_unicode_says(text: str):
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    assert one(text, "text") == (" ".join(folded.split()) or None)


def test_the_spec_says_what_a_value_is():
    kinds = {name: kind_of(prop) for name, prop in PROPERTIES.items()}
    assert kinds == {"email": "email", "orgnr": "organisation_number", "name": "text", "number": "digits", "code": "text"}
    assert kind_of(Property(type="date")) == "plain"
    assert kind_of(Property(type="decimal")) == "decimal"
    assert kind_of(Property(type="string", format="postal_code")) == "text"


def test_keys_of_both_sides_meet():
    rules = [rule(0, ("orgnr", "orgnr")), rule(1, ("email", "email"))]
    ours = match_keys(ERP, values(orgnr=["NO 987654321 MVA"], email=["A@b.no"]), rules)
    theirs = match_keys(CRM, values(orgnr=["987 654 321"], email=[" a@B.no"]), rules)
    assert ours.schema == KEYS
    assert ours["key"].to_list() == theirs["key"].to_list()
    assert set(ours["side"]) == {"source"}
    assert set(theirs["side"]) == {"target"}
    assert ours.select("rule", "entity", "id").rows() == [(0, ERP.key, "0"), (1, ERP.key, "0")]


def test_a_key_is_the_same_for_ever():
    """Stored keys outlive the libraries that made them."""
    found = match_keys(ERP, values(email=["post@example.no"]), [rule(0, ("email", "email"))])
    assert found["key"].to_list() == [8889402568503731391]


def test_all_keys_of_a_record_are_one_number_and_other_keys_another():
    def number(*keys: tuple[int, str, int]) -> int:
        rows = [(rule, side, key, "a.thing", "1") for rule, side, key in keys]
        [known_by] = in_one(pl.DataFrame(rows, schema=KEYS, orient="row"))["known_by"]
        return known_by

    last = 2**64 - 1
    both = number((1, "source", last), (2, "target", 5))
    assert number((2, "target", 5), (1, "source", last)) == both
    others = [[(1, "source", last)], [(1, "source", 5), (2, "target", last)], [(1, "target", last), (2, "target", 5)]]
    assert len({both, *(number(*keys) for keys in others)}) == 4


def test_all_pairs_of_a_rule_must_say_something():
    found = match_keys(
        ERP,
        values(number=["1", "1", None, ABSENT, "1"], name=["x", None, "x", "x", " "]),
        [rule(0, ("number", "number"), ("name", "name"))],
    )
    assert found["id"].to_list() == ["0"]


@given(st.tuples(letters, letters), st.tuples(letters, letters))
def test_the_parts_of_a_key_do_not_run_together(first: tuple[str, str], second: tuple[str, str]):
    found = match_keys(
        ERP, values(name=[first[0], second[0]], code=[first[1], second[1]]), [rule(0, ("name", "name"), ("code", "code"))]
    )
    forms = [tuple(one(text, "text") for text in texts) for texts in (first, second)]
    if len(found) == 2:
        assert (forms[0] == forms[1]) == (found["key"][0] == found["key"][1])
    else:
        assert len(found) == sum(None not in form for form in forms)


def test_a_format_that_one_end_declares_serves_both():
    plain = entity("crm", {name: Property(type="string") for name in PROPERTIES})
    both = {ERP.key: ERP, plain.key: plain}
    rules = [rule(0, ("orgnr", "orgnr")), rule(1, ("number", "number"))]
    ours = match_keys(ERP, values(orgnr=["987654321"], number=["7"]), rules, both)
    theirs = match_keys(plain, values(orgnr=["NO 987 654 321 MVA"], number=["007"]), rules, both)
    assert ours["key"].to_list() == theirs["key"].to_list()


def test_rules_of_other_entities_give_no_keys():
    assert match_keys(ERP, values(name=["x"]), [MatchModel(0, "other.one", CRM.key, (("name", "name"),))]).schema == KEYS
