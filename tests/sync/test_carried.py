"""Which fields of other specs are the same as some of these."""

from talk_assets.sync.meaning.carried import called_otherwise
from tests.specs.samples import ALPHA
from tests.sync.support import flow, model

BACK = "source: beta\ntarget: alpha\nmappings:\n  - {source: customer, target: company, properties: [[name, name]]}\n"


def test_a_field_that_starts_with_another_property_is_the_same_field():
    before, after = model(flow("[name, name]", "[email, mail]")), model(BACK, flow("[name, name]", "[email, mail]"))
    held = [{name: field.as_it_is for name, field in one.fields.items()} for one in (before, after)]
    assert called_otherwise(*held) == {"alpha.company.name": "beta.customer.name"}


def test_a_field_whose_values_have_other_names_now_is_not_the_same():
    """What is agreed on is in the words of the property that a field is called after."""
    row = "{source: status, target: status, values: {lead: prospect}}"
    assert model(flow(row), alpha=ALPHA).fields["alpha.company.status"].as_it_is == {"alpha.company.status"}
    before, after = {"a.status": ["a.status"]}, {"b.status": ["b.status"]}
    assert called_otherwise(before, after) == {}


def test_of_several_fields_that_became_one_the_one_with_most_in_common_is_it():
    before = {"b.name": ["b.name", "c.name"], "d.name": ["d.name", "e.name", "f.name"], "g.name": ["g.name"]}
    after = {"a.name": ["a.name", "b.name", "c.name", "d.name", "e.name", "f.name"], "g.name": ["g.name"]}
    assert called_otherwise(before, after) == {"d.name": "a.name"}


def test_a_field_that_is_still_there_is_no_other_one():
    assert called_otherwise({"a.name": ["a.name", "b.name"]}, {"a.name": ["a.name"], "b.name": ["b.name"]}) == {}
