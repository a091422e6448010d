"""Expressions see one record's own properties. Nothing that reads a file, the environment or another row gets through."""

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

from talk_assets.expressions import Refused, compile_expression, frame_schema

PROPERTIES = {
    **{"Name": "string", "Id": "integer", "Amount": "decimal", "Active": "boolean", "Day": "date", "Created": "datetime"},
    **{"MailAddress.City": "string", "MailAddress.Geo.Lat": "decimal"},
}
RECORD = {
    **{"Name": "Blåbær AS", "Id": 7, "Amount": Decimal("12.50"), "Active": True, "Day": dt.date(2024, 2, 29)},
    "Created": dt.datetime(2024, 2, 29, 12, 0),  # noqa: DTZ001  (the hub's times are in UTC without saying so)
    "MailAddress": {"City": "Tromsø", "Geo": {"Lat": Decimal("69.6")}},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("UPPER(MailAddress.City)", "TROMSØ"),
        ("'CRM-' || Id", "CRM-7"),
        ("MailAddress.Geo.Lat > 69", True),
        ("CASE WHEN Id > 5 THEN 'many' ELSE 'few' END", "many"),
        ("Id IN (1, 7) AND NOT (Name = 'x' OR Name IS NULL)", True),
        ("Id NOT IN (1, 7)", False),
        ("Id BETWEEN 1 AND 7", True),
        ("COALESCE(NULLIF(TRIM(Name), ''), 'unnamed')", "Blåbær AS"),
        ("SPLIT_PART(Name, ' ', 1)", "Blåbær"),
        ("Name ILIKE 'blå%' AND Name ~ 'AS$' AND Name <> '-- /* \"$1'", True),
        ("Name LIKE 'Blå%'", True),
        ("CAST(Id AS VARCHAR)", "7"),
        ("Id::text", "7"),
        ("ROUND(Amount * 2, 1) = 25", True),
        ("Day > DATE '2024-01-01'", True),
        ("Created >= TIMESTAMP '2024-02-29 12:00:00'", True),
        ("EXTRACT(year FROM Day) = 2024", True),
        ("STRFTIME(Day, '%d.%m.%Y')", "29.02.2024"),
        ("IF(Active, 'on', 'off')", "on"),
        ("LPAD(Id::text, 4, '0')", "0007"),
        ("-Id + 10 % 4", -5),
        ("TRY_CAST(Name AS INTEGER)", None),
        ("TRY_CAST('12' AS INTEGER)", 12),
        ("STRPTIME(Name, '%Y-%m-%d')", None),
        ("CAST(STRPTIME('2024-02-29', '%Y-%m-%d') AS DATE)", dt.date(2024, 2, 29)),
        ("REPLACE(REPLACE(REPLACE(LOWER(Name), 'æ', 'ae'), 'ø', 'o'), 'å', 'a')", "blabaer as"),
        ("CAST(Amount / NULLIF(Id - 7, 0) AS VARCHAR)", None),
        ("CAST(Id * 500000000 AS INTEGER)", 3_500_000_000),
        ("TRY_CAST(Amount AS DECIMAL(18, 4)) * TRY_CAST(Amount AS DECIMAL(18, 4)) = 156.25", True),
        ("LENGTH(Name) - 15", -6),
        ("STRPOS(Name, '.') - 1", -1),
        ("STRPOS(Name, 'bær')", 4),
        ("STRPOS(Name, '')", 1),
        ("STRPOS('a b', LEFT(Name, 0))", 1),
        ("STRPOS(NULLIF(Name, Name), '')", 0),
        ("SUBSTR(Name, STRPOS(Name, 'x'))", "Blåbær AS"),
        ("SUBSTR(Name, 1, GREATEST(LENGTH(Name) - 3, 0))", "Blåbær"),
        ("LEFT(Name, LENGTH(Name) - 3)", "Blåbær"),
        ("RIGHT(Name, 12)", "Blåbær AS"),
        ("EXTRACT(month FROM Day) * 100", 200),
        ("NOT COALESCE(Active, FALSE)", False),
        ("Name <> 'x IS TRUE'", True),
        ("Name <> 'inf'", True),
    ],
)
def test_an_expression_computes_from_one_record(text: str, value: object):
    frame = pl.DataFrame([RECORD], schema=frame_schema(PROPERTIES))
    assert frame.select(compile_expression(text, PROPERTIES).expression).item() == value


def test_an_expression_knows_its_type_and_what_it_reads():
    compiled = compile_expression("Active AND MailAddress.City = Name", PROPERTIES)
    assert compiled.type == pl.Boolean()
    assert compiled.uses == {"Active", "MailAddress.City", "Name"}


HOSTILE = [
    *("read_csv('/etc/passwd')", "Id IN (SELECT column_1 FROM read_csv('/etc/passwd'))", "(SELECT 1)", "EXISTS (SELECT 1)"),
    *("getenv('HOME')", "getvariable('x')", "current_user", "current_date", "now()", "random()", "uuid()", "version()"),
    *(
        "SUM(Id)",
        "COUNT(*)",
        "SUM(Id) OVER ()",
        "row_number() OVER ()",
        "LAG(Id)",
        "SUM(Id) FILTER (WHERE Id > 1)",
        "unnest(Name)",
    ),
    *(
        "Id FROM x",
        "1; DROP TABLE x",
        "1, 2",
        "*",
        "COLUMNS('x')",
        "Id ORDER BY 1",
        "Id LIMIT 1",
        "WITH a AS (SELECT 1) SELECT 1",
    ),
    *("$1", "?", "x -> x", "{'a': 1}", "[1]", "Name[1]", "main.read_text('x')", "pg_catalog.upper(Name)", "Name AS x", "Id Id"),
    *("Id -- c", "/* */ Id", "E'\\x41'", "$$x$$", "`Id`", '"Id"', "N'x'", "X'41'", "Name COLLATE nocase", "glob('*')"),
    *(
        "Id::hugeint",
        "CAST(Id AS STRUCT(a INT))",
        "'x'::json",
        "'x'::blob",
        "INTERVAL '1' DAY",
        "list_value(1)",
        "",
        " ",
        "Id +",
    ),
    *(
        "Nope",
        "MailAddress.Nope",
        "MailAddress",
        "Name + 1",
        "UPPER(Amount)",
        "UPPER(Name, Name)",
        "'a\x00b'",
        "Name || '\x00'",
    ),
    *("(" * 900 + "1" + ")" * 900, "1" + "+1" * 900, "NOT " * 400 + "Active", "'" + "x" * 3000 + "'"),
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:30])
def test_everything_else_is_refused(text: str):
    with pytest.raises(Refused):
        compile_expression(text, PROPERTIES)


def test_a_refused_file_leaves_no_trace_of_its_content():
    with pytest.raises(Refused) as refused:
        compile_expression("Id IN (SELECT column_1 FROM read_csv('/etc/passwd'))", PROPERTIES)
    assert "root" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "column"),
    [("Id > 5 AND Nope", 12), ("'æøå' || Nope", 10), ("Id + + ", 7), ("Id + getenv('x')", 6), ("Name -- x", 6)],
)
def test_a_refusal_says_where(text: str, column: int):
    with pytest.raises(Refused) as refused:
        compile_expression(text, PROPERTIES)
    assert abs(refused.value.column - column) <= 1


@pytest.mark.parametrize(
    "text",
    [
        *("lpad(Name, 4000000000, 'x')", "rpad(Name, -1, 'x')", "lpad(Name, Id, 'x')", "upper(lpad(Name, 2001, 'x'))"),
        "REPLACE(" * 28 + "Name" + ", 'a', 'aaaa')" * 28,
        *("REPLACE(Name, Name, 'x')", "REPLACE(Name, 'x', Name)"),
        *("CAST(1 AS DECIMAL(99, 99))", "CAST(Amount AS DECIMAL(9, 10))", "CAST(1 AS DECIMAL(0, 0))"),
    ],
    ids=lambda text: text[:30],
)
def test_no_expression_can_grow_or_break_the_process(text: str):
    with pytest.raises(Refused):
        compile_expression(text, PROPERTIES)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("CAST(Name AS INTEGER)", "TRY_CAST gives null instead"),
        ("CAST(CAST(Name AS INTEGER) AS VARCHAR)", "TRY_CAST gives null instead"),
        ("Name::date", "there are values on which it fails"),
        ("CAST(Name AS BOOLEAN)", "there are values on which it fails"),
        ("STRPTIME(Name, 'garbage')", "strptime needs a format"),
        ("STRFTIME(Day, '%H')", "cannot format Date"),
        ("STRFTIME(Created, '%+')", "there are values on which it fails"),
        ("Amount / Id", "divide by NULLIF(…, 0)"),
        ("CAST(Amount AS BIGINT)", "TRY_CAST gives null instead"),
        ("CAST(Amount AS DECIMAL(9, 2))", "TRY_CAST gives null instead"),
        ("CAST(Id AS DATE)", "TRY_CAST gives null instead"),
        ("CAST(Id AS TIMESTAMP)", "there are values on which it fails"),
        ("TRY_CAST(Id AS DATE)", "there are values on which it fails"),
        ("Amount * Amount", "TRY_CAST(… AS DECIMAL(18, 4)) leaves room"),
        ("REGEXP_LIKE(MailAddress.City, Name)", "a pattern stands in the expression"),
        ("SUBSTR(Name, 1, Id)", "GREATEST(…, 0) keeps a length from being negative"),
        ("SUBSTR(Name, 1, LENGTH(Name) - 5)", "GREATEST(…, 0) keeps a length from being negative"),
    ],
)
def test_what_would_fail_on_a_record_is_refused_beforehand(text: str, says: str):
    with pytest.raises(Refused) as refused:
        compile_expression(text, PROPERTIES)
    assert says in refused.value.message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Name ISNULL", "write … IS NULL"),
        ("Name SIMILAR TO 'A.*'", "write … ~ '^(…)$'"),
        ("GREATEST()", "the function greatest needs something to work on"),
        ("Amount < -1e400", "a number in this expression is larger than any"),
        ("TRY_CAST(Name AS DECIMAL(50, 2))", "a decimal has at most 38 digits"),
        ("Active AND Name notnull", "write … IS NOT NULL"),
        ("Active IS TRUE", "write COALESCE(…, FALSE)"),
        ("Active IS NOT  TRUE", "write NOT COALESCE(…, FALSE)"),
        ("(Id > 5) is false", "write NOT COALESCE(…, TRUE)"),
        ("Active IS NOT FALSE", "write COALESCE(…, TRUE)"),
    ],
)
def test_what_would_mean_something_else_is_refused_with_what_to_write(text: str, says: str):
    with pytest.raises(Refused) as refused:
        compile_expression(text, PROPERTIES)
    assert says in refused.value.message


def nested(start: str, end: str, deep: int) -> str:
    return start * deep + "Name" + end * deep


@pytest.mark.parametrize(
    "text",
    [
        nested("SPLIT_PART(", ", ' ', 1)", 8),
        nested("RIGHT(", ", LENGTH(Name))", 8),
        nested("NULLIF(", ", 'x')", 12),
        nested("(", " BETWEEN 'a' AND 'b')", 12),
        nested("CASE ", " WHEN 'a' THEN 'b' WHEN 'b' THEN 'c' WHEN 'c' THEN 'd' END", 25),
    ],
    ids=lambda text: text[:10],
)
def test_what_would_be_worked_out_thousands_of_times_is_refused(text: str):
    with pytest.raises(Refused, match="cannot stand in each other this deep"):
        compile_expression(text, PROPERTIES)


@pytest.mark.parametrize(
    "text",
    [
        nested("SPLIT_PART(", ", ' ', 1)", 5),
        nested("NULLIF(", ", 'x')", 6),
        nested("CASE ", " WHEN 'a' THEN 'b' WHEN 'b' THEN 'c' END", 4),
        " || ".join(["CASE Name WHEN 'a' THEN 'b' WHEN 'b' THEN 'c' WHEN 'c' THEN 'd' END"] * 12),
        " || ".join(["LEFT(SPLIT_PART(Name, ' ', 1), 3)"] * 20),
    ],
    ids=lambda text: text[:10],
)
def test_what_people_nest_is_allowed(text: str):
    compile_expression(text, PROPERTIES)


def test_a_name_that_only_one_parser_sees_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pl, "sql_expr", lambda _: pl.col("Id").alias("x") + 1)
    with pytest.raises(Refused, match="cannot be given a name"):
        compile_expression("Id + 1", PROPERTIES)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("CAST(IF(Id = 12345, 'x', '1') AS INTEGER)", 12345),
        ("Id + 1", 2**63 - 1),
        ("Id * 10", 2**62),
        ("-Id", -(2**63)),
        ("ABS(Id)", -(2**63)),
        ("1 - Id * Id", 2**62),
        ("Id * Id * Id", 2**43),
        ("Id * Id + Id * Id", -(2**63)),
        ("Id * Id - (0 - Id * Id)", -(2**63)),
        ("(Id * Id + Id * Id) * 0", -(2**63)),
        ("ABS(Id * Id + Id * Id + Id)", -(2**63)),
        (" + ".join(["Id * Id"] * 16), -(2**63)),
        ("(Id + Id) % 7", 2**62),
        ("GREATEST(Id * 4, 0)", 2**62),
    ],
)
def test_a_value_nobody_tried_of_which_nothing_can_be_computed_gives_nothing_instead(text: str, value: int):
    expression = compile_expression(text, {"Id": "integer"}).expression
    with pytest.raises(pl.exceptions.InvalidOperationError):
        pl.DataFrame({"Id": [value, 7]}).select(expression)
    assert pl.DataFrame({"Id": [7]}).select(expression).item() is not None


WHOLE = {"Id": "integer", "Other": "integer"}


def alone(expression: pl.Expr, record: pl.DataFrame) -> tuple[object, str | None]:
    """What one record gives, or why it gives nothing."""
    try:
        return record.select(expression).item(), None
    except pl.exceptions.InvalidOperationError as failure:
        return None, str(failure).splitlines()[0]


LONG_SUM = " + ".join(["Id", "Other"] * 100)


def computed(text: str, **record: int) -> object:
    return pl.DataFrame([record]).select(compile_expression(text, WHOLE).expression).item()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (LONG_SUM, 700),
        (f"Id * 3 - ({LONG_SUM.replace(' + ', ' - ')})", 705),
        (f"CASE WHEN Id < {LONG_SUM} THEN ABS(0 - ({' + '.join(['Id'] * 80)})) % 7 ELSE 0 END", 1),
        (" + ".join(["Id * 2 - Other"] * 100), 800),
    ],
    ids=["a sum", "less another", "in other steps", "of products"],
)
def test_a_long_sum_is_no_deep_one(text: str, value: int):
    assert computed(text, Id=5, Other=2) == value


@pytest.mark.parametrize(
    ("text", "value", "result"),
    [
        ("Id + Id - Id", 2**63 - 1, 2**63 - 1),
        ("Id - Id - Id - Id + Id + Id", -(2**63), 0),
        ("Id * Id - Id * Id", -(2**63), 0),
        ("ABS(Id * 1000) / 1000 = ABS(Id)", 2**53, True),
        ("Id * 60 * 60 - Id * 3599", 2**62, 2**62),
        ("ABS(Id) + Id", -(2**63), 0),
    ],
)
def test_only_what_comes_of_whole_numbers_must_have_64_bits(text: str, value: int, result: object):
    assert computed(text, Id=value) == result


@pytest.mark.parametrize(
    "text",
    [
        *("Id * 4", "1 + Id * 4", "'x' || (Id + Other)", "Id * Id * Other", "(Id * 4) % 3 + (Other * 4) % 3"),
        *("COALESCE(Other, Id * 4)", "Other > 9 AND Id * 4 > 1", "GREATEST(Id * 4, 0)", "TRY_CAST(Id * 4 AS VARCHAR)"),
        "CASE WHEN Other > 1 THEN Id * 4 WHEN Id > 1 THEN Id * 8 ELSE Id * 16 END",
        "CASE WHEN Id * 4 > 1 THEN 'a' END",
        "NULLIF(CASE WHEN Id > 0 THEN Id * 4 END, 4)",
    ],
)
def test_why_whole_numbers_do_not_fit_is_known_of_all_records_at_once(text: str):
    compiled = compile_expression(text, WHOLE)
    numbers = (0, 5, None, 2**62, -(2**63))
    records = pl.DataFrame([{"Id": one, "Other": two} for one in numbers for two in numbers], schema=frame_schema(WHOLE))
    assert compiled.told
    value, why_not = compiled.told
    at_once = records.select(value=pl.when(why_not.is_null()).then(value), why_not=why_not)
    assert at_once.rows() == [alone(compiled.expression, record) for record in records.iter_slices(1)]


@pytest.mark.parametrize(
    "text", ["9223372036854775807 + 1", "Id + 9223372036854775807 * 2 % 3", "COALESCE(Id, 4294967296 * 4294967296)"]
)
def test_a_constant_that_is_too_large_for_a_whole_number_is_refused(text: str):
    with pytest.raises(Refused, match="conversion from `i128` to `i64` failed"):
        compile_expression(text, WHOLE)


def test_a_row_that_is_too_long_is_refused_with_how_to_write_it():
    with pytest.raises(Refused, match="part the row with brackets"):
        compile_expression(" || ".join(["Name"] * 100), PROPERTIES)
    parted = " || ".join(["(" + " || ".join(["Name"] * 10) + ")"] * 10)
    assert pl.DataFrame([RECORD]).select(compile_expression(parted, PROPERTIES).expression).item() == "Blåbær AS" * 100


@pytest.mark.parametrize("text", ["\ud800", "'a' || '\udfff'"])
def test_half_a_character_is_no_expression(text: str):
    with pytest.raises(Refused, match="half a character"):
        compile_expression(text, PROPERTIES)


def test_a_panic_of_the_engine_is_a_refusal(monkeypatch: pytest.MonkeyPatch):
    def panic(_: str) -> pl.Expr:
        raise pl.exceptions.PanicException("something broke")

    monkeypatch.setattr(pl, "sql_expr", panic)
    with pytest.raises(Refused, match="something broke"):
        compile_expression("Id", PROPERTIES)
