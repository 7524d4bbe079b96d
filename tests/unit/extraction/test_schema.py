"""From prompts and response formats to schemas."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.core.errors import InvalidRequest, RequestError
from readstone.core.extraction import Field, Group, ListOf, Node, Schema
from readstone.extraction.schema import parse_schema
from readstone.extraction.schema.limits import DEPTH, LEAVES

SEED = (
    "Please extract the information from the image using the following schema: "
    '{"invoice_no":"Invoice Number","date":"Invoice Date","items":[{"name":"Item Name","total":"Amount"}]}'
)
HUNYUAN = "Extract the content of the fields: ['key1','key2'] from the image and return it in JSON format."


def group(**members: Node) -> Group:
    return Group(tuple(members.items()))


def parsed(prompt: str) -> Group:
    schema = parse_schema(prompt)
    assert schema is not None
    assert isinstance(schema.root, Group)
    return schema.root


def test_the_example_of_the_contract_is_a_schema() -> None:
    item = group(name=Field("Item Name"), total=Field("Amount"))
    assert parse_schema(SEED) == Schema(
        group(invoice_no=Field("Invoice Number"), date=Field("Invoice Date"), items=ListOf(item))
    )


def test_the_fields_that_hunyuan_is_asked_for_are_a_schema() -> None:
    assert parsed(HUNYUAN) == group(key1=Field("key1"), key2=Field("key2"))


@pytest.mark.parametrize(
    "written",
    [
        '{"no": "Invoice Number", "total": "Total"}',
        "{'no': 'Invoice Number', 'total': 'Total',}",
        "{no: Invoice Number, total: Total}",
        '{"no": "Invoice Number", // the number\n "total": "Total" /* with tax */\n}',
        "\uff5b\u201cno\u201d\uff1a\u201cInvoice Number\u201d\uff0c\u201ctotal\u201d\uff1a\u201cTotal\u201d\uff5d",
        '```json\n{"no": "Invoice Number", "total": "Total"}\n```',
        '{"no": "Invoice Number", "total": "Total"',
        'Not {this}, but that: {"no": "Invoice Number", "total": "Total"} and {"not": "this"}',
    ],
)
def test_sloppy_json_says_what_it_means(written: str) -> None:
    root = parsed(f"Extract {written} please")
    assert [key for key, _ in root.members] == ["no", "total"]
    assert root.members[0][1] == Field("Invoice Number")


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "OCR this page",
        "extract all text, preserve layout",
        "Extract the text in the image.",
        "What is {x} here?",
        "function f() { return 1; }",
        r"Read \frac{a}{b}",
        "Convert the document to markdown.",
        "Describe the image in detail, be concise",
        "Who is the seller, and what is the total?",
        "Hello, world",
        "The possible categories are ['Caption', 'Footnote'].",
        "{}",
    ],
)
def test_a_prompt_without_a_schema_is_none(prompt: str) -> None:
    assert parse_schema(prompt) is None


@pytest.mark.parametrize(
    "prompt",
    [
        "invoice number, date, total",
        "invoice number\ndate\ntotal",
        "1. invoice number\n2. date\n3. total",
        "Extract invoice number, date and total from the image.",
        "Fields: invoice number, date, total",
    ],
)
def test_a_list_of_names_is_a_schema(prompt: str) -> None:
    names = ("invoice number", "date", "total")
    assert parsed(prompt).members == tuple((name, Field(name)) for name in names)


def test_a_list_of_chinese_names_is_a_schema() -> None:
    assert [key for key, _ in parsed("请提取发票号码、开票日期和价税合计").members] == [
        "发票号码", "开票日期", "价税合计",
    ]  # fmt: skip


def test_a_typed_template_says_kinds() -> None:
    template = (
        '{"store":"verbatim-string","day":"date","n":"number","i":"integer","b":"boolean","one":["a","b"],'
        '"many":[["x","y"]],"texts":["string"],"how":"cash|card","maybe":"number | null","seller":{"name":"","vat":null}}'
    )
    assert parsed(template) == group(
        store=Field("store", "verbatim"),
        day=Field("day", "date"),
        n=Field("n", "number"),
        i=Field("i", "integer"),
        b=Field("b", "boolean"),
        one=Field("one", "choice", ("a", "b")),
        many=ListOf(Field("many", "choice", ("x", "y"))),
        texts=ListOf(Field("texts")),
        how=Field("how", "choice", ("cash", "card")),
        maybe=Field("maybe", "number"),
        seller=group(name=Field("name"), vat=Field("vat")),
    )


def test_a_label_may_ask_for_a_form_of_the_value() -> None:
    root = parsed('{"due":"Due date, YYYY-MM-DD","date":"Receipt date as printed","day":"Date"}')
    assert root == group(
        due=Field("Due date", "date"),
        date=Field("Receipt date as printed", "verbatim"),
        day=Field("Date"),
    )


JSON_SCHEMA = {
    "type": "object",
    "properties": {
        "number": {"type": ["string", "null"], "description": "Invoice number"},
        "day": {"anyOf": [{"type": "null"}, {"type": "string", "format": "date"}], "title": "Day"},
        "seller": {"$ref": "#/$defs/Party"},
        "state": {"$ref": "#/$defs/State"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
    },
    "$defs": {
        "State": {"enum": ["open", "paid"], "title": "State of an Invoice", "type": "string"},
        "Party": {"type": "object", "properties": {"name": {"title": "Name", "type": "string"}}},
        "Line": {
            "type": "object",
            "properties": {"count": {"type": "integer"}, "total": {"type": "number"}},
        },
    },
}
MEANT = group(
    number=Field("Invoice number"),
    day=Field("Day", "date"),
    seller=group(name=Field("Name")),
    state=Field("state", "choice", ("open", "paid")),
    lines=ListOf(group(count=Field("count", "integer"), total=Field("total", "number"))),
)


def test_a_json_schema_is_read_from_the_prompt_and_from_the_response_format() -> None:
    response_format = {
        "type": "json_schema",
        "json_schema": {"name": "invoice", "strict": True, "schema": JSON_SCHEMA},
    }
    assert parsed(f"Use this: {json.dumps(JSON_SCHEMA)}") == MEANT
    assert parse_schema(SEED, json.dumps(response_format).encode()) == Schema(MEANT)


def test_a_response_format_without_a_schema_leaves_the_prompt_to_say_it() -> None:
    assert parse_schema(SEED, b'{"type":"json_object"}') == parse_schema(SEED)
    assert parse_schema("Hello", b'{"type":"json_object"}') is None


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ('{"a":"A","a":"B"}', '"a" twice'),
        ("{a:'A', a:'B'}", '"a" twice'),
        ("['a','a']", "'a' is asked for twice"),
        (
            "{" + ",".join(f'"k{n}":"x"' for n in range(LEAVES + 1)) + "}",
            f"{LEAVES + 1} leaves, more than {LEAVES}",
        ),
        ('{"a":' * 9 + '"x"' + "}" * 9, f"9 levels, more than {DEPTH}"),
        ('{"a":' * 500, "brackets within brackets, more than 64"),
        ('{"type":"object","properties":{"a":{"$ref":"#/$defs/B"}}}', "refers to '#/$defs/B'"),
        ('{"type":"object","properties":{"a":{"$ref":"#"}}}', "refers to itself"),
        ('{"type":"object","properties":{"a":{"type":"object"}}}', "names no properties"),
        ('{"type":"object","properties":{"a":{"type":"fish"}}}', "'fish'"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(prompt: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(said)):
        parse_schema(prompt)


KEYS = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8)
LABELS = st.from_regex(r"[A-Z][a-z]{1,8} [A-Z][a-z]{1,8}", fullmatch=True)
TEMPLATES = st.recursive(
    LABELS,
    lambda inner: (
        st.dictionaries(KEYS, inner, min_size=1, max_size=4)
        | st.lists(inner, min_size=1, max_size=1)
    ),
    max_leaves=8,
)


def as_written(node: Node) -> object:
    match node:
        case Field():
            return node.label
        case ListOf():
            return [as_written(node.item)]
        case Group():
            return {key: as_written(member) for key, member in node.members}


@pytest.mark.parametrize(
    "prompt",
    [
        'Fill in [{"name": "Item"}] from the image.',
        'Fill in [ {"name": "Item",} ]',
        '\u3010{"name": "Item"}\u3011',
    ],
)
def test_a_template_in_brackets_of_its_own_is_a_list(prompt: str) -> None:
    schema = parse_schema(prompt)
    assert schema is not None
    assert schema.root == ListOf(group(name=Field("Item")))


def test_a_list_as_a_whole_is_for_prompts_only() -> None:
    listed: dict[str, object] = {
        "type": "array",
        "items": {"type": "object", "properties": {"a": {"type": "string"}}},
    }
    schema = parse_schema(json.dumps(listed))
    assert schema is not None
    assert schema.root == ListOf(group(a=Field("a")))
    form: dict[str, object] = {
        "type": "json_schema",
        "json_schema": {"name": "Bill", "schema": listed},
    }
    with pytest.raises(InvalidRequest, match="must be an object"):
        parse_schema("", json.dumps(form).encode())


@given(st.dictionaries(KEYS, TEMPLATES, min_size=1, max_size=4))
def test_a_template_of_labels_keeps_its_shape_order_and_words(template: dict[str, object]) -> None:
    try:
        schema = parse_schema(f"Use {json.dumps(template, ensure_ascii=False)}")
    except InvalidRequest as refused:
        assert "levels" in refused.message  # noqa: PT017  (most are not refused)
        return
    assert schema is not None
    assert json.dumps(as_written(schema.root)) == json.dumps(template)


@given(
    st.text(max_size=200) | st.text("{}[]'\":, abc\n\\/*#", max_size=80),
    st.binary(max_size=60) | st.none(),
)
def test_no_text_fails_in_another_way_than_as_a_request(
    prompt: str, response_format: bytes | None
) -> None:
    try:
        parse_schema(prompt, response_format)
    except RequestError:
        return


@pytest.mark.parametrize(
    "unit",
    ["[]", '["]', "['a'] ", '{"', '{"a"', "{x}", "{x: ", "{", "'", '\\"', ",", '"a\n', "/*", "fields: ", "extract a, ", " "],
)  # fmt: skip
@pytest.mark.parametrize("before", ["", '{"a":"', "fields: ", "["])
def test_a_prompt_of_200000_characters_is_answered_or_refused_at_once(
    before: str, unit: str
) -> None:
    """Where time grew with the square of the length, this would be ended by the time limit of tests."""
    try:
        parse_schema(before + unit * (200_000 // len(unit)))
    except InvalidRequest as refused:
        assert "The schema has" in refused.message  # noqa: PT017  (most are not refused)


def test_a_long_schema_must_be_json_as_it_is() -> None:
    fields = {f"field_{number}": "what it is called on the page " * 3 for number in range(100)}
    assert len(parsed(json.dumps(fields)).members) == len(fields)
    with pytest.raises(InvalidRequest, match="no JSON"):
        parse_schema(json.dumps(fields).replace("}", ",}"))
