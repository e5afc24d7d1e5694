"""A constraint reads its texts: one schema gives one value, however it is handed on."""

import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import structgen as sg
from structgen.constraints import Constraint
from structgen.constraints.schema_options import JsonOptions
from structgen.generate import ToyModel, resolve_output

pydantic = pytest.importorskip("pydantic")


class Person(pydantic.BaseModel):
    name: str = pydantic.Field(max_length=4)
    age: int = pydantic.Field(ge=0, le=99)


@dataclass
class Point:
    x: int
    y: int


SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer", "minimum": 0, "maximum": 9}, "b": {"enum": ["x", 1]}},
    "required": ["a", "b"],
    "additionalProperties": False,
}


def move(x: int, y: int) -> int:
    return x + y


def ways(schema: dict[str, Any], folder: Path) -> dict[str, object]:
    """All ways to hand one schema to `generate`."""
    path = folder / "schema.json"
    path.write_text(json.dumps(schema))
    return {
        "dict": schema,
        "constraint": sg.json_schema(schema),
        "text": sg.json_schema(json.dumps(schema)),
        "constraint of a path": sg.json_schema(path),
        "path": path,
        "str path": str(path),
    }


@pytest.mark.parametrize("seed", range(3))
def test_one_schema_gives_one_value(seed: int, tmp_path: Path) -> None:
    toy = ToyModel()
    values = {
        name: sg.generate(toy, "Hi", output, seed=seed, max_tokens=60).value
        for name, output in ways(SCHEMA, tmp_path).items()
    }
    assert all(isinstance(value, dict) for value in values.values())
    assert all(value == values["dict"] for value in values.values())


@pytest.mark.parametrize("tp", [Person, Point, list[bool], int | None])
def test_one_type_gives_one_value(tp: Any) -> None:
    toy = ToyModel()
    first, *others = [
        sg.generate(toy, "Hi", output, seed=5, max_tokens=80).value
        for output in (tp, sg.from_type(tp), sg.json_schema(tp))
    ]
    assert all(other == first and type(other) is type(first) for other in others)
    assert not isinstance(first, str)


def test_texts_are_parsed() -> None:
    assert sg.json_schema(SCHEMA).parse('{"a": 1, "b": "x"}') == {"a": 1, "b": "x"}
    assert sg.from_type(Point).parse('{"x": 1, "y": 2}') == Point(1, 2)
    assert sg.from_signature(move).parse('{"x": 1, "y": 2}') == {"x": 1, "y": 2}
    assert sg.regex("a+").parse("aa") == "aa"
    assert sg.predicate(str.isdigit).parse("12") == "12"


@pytest.mark.parametrize(
    ("constraint", "text"),
    [
        (sg.json_schema(SCHEMA), '{"a": 10, "b": "x"}'),
        (sg.json_schema(SCHEMA), '{"a": 1'),
        (sg.from_type(Point), '{"x": 1}'),
        (sg.regex("a+"), "ab"),
        (sg.json_schema(SCHEMA) & sg.predicate(lambda text: True), "{}"),
    ],
)
def test_what_is_no_text_of_the_constraint_is_refused(constraint: Any, text: str) -> None:
    with pytest.raises(sg.ParseError) as caught:
        constraint.parse(text)
    assert caught.value.text == text
    assert pickle.loads(pickle.dumps(caught.value)).text == text


class Even(pydantic.BaseModel):
    number: int

    @pydantic.field_validator("number")
    @classmethod
    def even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("odd")
        return value


@pytest.mark.filterwarnings("ignore::structgen.InexactTypeWarning")
def test_what_the_type_refuses_is_a_parse_error() -> None:
    with pytest.raises(sg.ParseError, match="odd"):
        sg.from_type(Even).parse('{"number": 3}')


ANY = sg.predicate(lambda text: len(text) < 60)


@pytest.mark.parametrize(
    ("constraint", "text", "value"),
    [
        # A conjunction is read as its first part that is more than text.
        (sg.json_schema(SCHEMA) & sg.regex(r"[\s\S]{0,40}"), '{"a":1,"b":1}', {"a": 1, "b": 1}),
        (sg.regex(r"[\s\S]{0,40}") & sg.json_schema(SCHEMA), '{"a":1,"b":1}', {"a": 1, "b": 1}),
        (sg.json_schema(SCHEMA) & ANY, '{"a":1,"b":1}', {"a": 1, "b": 1}),
        (ANY & sg.from_type(Point), '{"x": 1, "y": 2}', Point(1, 2)),
        (sg.from_type(Point) & sg.json_schema(True), '{"x": 1, "y": 2}', Point(1, 2)),
        # A union is read as the part that the text belongs to.
        (sg.from_type(Point) | "none", '{"x": 1, "y": 2}', Point(1, 2)),
        (sg.from_type(Point) | "none", "none", "none"),
        ("7" | sg.from_type(int), "7", "7"),
        (sg.from_type(int) | "7", "7", 7),
        (sg.from_type(int) | sg.from_type(Point) | "none", '{"x": 1, "y": 2}', Point(1, 2)),
        # A sequence is text.
        (sg.from_type(int) + "!", "7!", "7!"),
        (sg.from_type(bool).repeat(1, 2), "truefalse", "truefalse"),
    ],
)
def test_the_algebra_says_how_texts_are_read(constraint: Any, text: str, value: object) -> None:
    found = constraint.parse(text)
    assert found == value
    assert type(found) is type(value)


def test_generation_reads_what_the_algebra_says() -> None:
    toy = ToyModel()
    either = sg.from_type(Point) | sg.choice(["nothing"])
    kinds = {
        type(sg.generate(toy, "Hi", either, seed=s, max_tokens=40, temperature=3.0).value)
        for s in range(20)
    }
    assert kinds == {Point, str}
    short = sg.from_type(list[int]) & sg.predicate(lambda text: len(text) < 9)
    assert isinstance(sg.generate(toy, "Hi", short, seed=1, max_tokens=12).value, list)


def test_special_tokens_in_a_union_are_read_as_text() -> None:
    either = sg.special_token("<end>") | sg.from_type(int)
    assert either.reading.read("") == ""
    assert either.reading.read("7") == 7


def test_readings_are_pickled() -> None:
    either = pickle.loads(pickle.dumps(sg.from_type(Point) | sg.json_schema({"const": [1]})))
    assert either.parse("[1]") == [1]
    assert either.parse('{"x": 1, "y": 2}') == Point(1, 2)


class Own:
    """A constraint that a user wrote, with a parser."""

    def compile(self, vocabulary: sg.Vocabulary, /, limits: sg.Limits | None = None) -> Any:
        return sg.regex("[0-9]").compile(vocabulary, limits)

    def parse(self, text: str) -> int:
        return int(text)


def test_constraints_of_users_bring_their_parsers() -> None:
    own: Constraint = Own()
    assert isinstance(sg.generate("toy", "Hi", own, seed=1).value, int)


OPTIONS: list[tuple[JsonOptions, str, str]] = [
    ({"property_order": "any"}, '{"y": 1, "x": 2}', '{"x": 1}'),
    ({"whitespace": "compact"}, '{"x":1,"y":2}', '{"x": 1, "y": 2}'),
    ({"number_spelling": "all"}, '{"x": 1.0, "y": 2}', '{"x": "1"}'),
    ({"escapes": "all"}, r'{"\u0078": 1, "y": 2}', '{"x": 1}'),
    ({"max_integer_digits": 1}, '{"x": 1, "y": 2}', '{"x": 10, "y": 2}'),
]


@pytest.mark.parametrize(("options", "taken", "refused"), OPTIONS)
def test_every_way_to_values_takes_the_options_of_json(
    options: JsonOptions, taken: str, refused: str
) -> None:
    tool = sg.ToolSet([move], json_options=options).constraint("required")
    for constraint in (
        sg.from_type(Point, **options),
        sg.json_schema(Point, **options),
        sg.from_signature(move, **options),
    ):
        assert constraint.accepts(taken)
        assert not constraint.accepts(refused)
    call = '<tool_call>\n{{"name": "move", "arguments": {}}}\n</tool_call>'
    assert tool.accepts(call.format(taken))
    assert not tool.accepts(call.format(refused))


def test_a_tool_has_options_of_its_own() -> None:
    from structgen.tools import Tool

    compact = Tool(
        name="f", parameters={"properties": {"a": {}}}, json_options={"whitespace": "compact"}
    )
    tools = sg.ToolSet([compact], json_options={"whitespace": "any", "property_order": "any"})
    text = '<tool_call>\n{"name": "f", "arguments": {"a":[1,2]}}\n</tool_call>'
    assert tools.constraint("required").accepts(text)
    assert not tools.constraint("required").accepts(text.replace(",2", ", 2"))


def test_a_schema_is_no_type() -> None:
    for given in (True, {}, "x.json", Path("x")):
        with pytest.raises(sg.ConstraintError, match="no Python type"):
            sg.from_type(given)  # type: ignore[arg-type]
    with pytest.raises(sg.ConstraintError, match="no function"):
        sg.from_signature(Point)


def test_a_text_that_is_no_file_is_no_output() -> None:
    with pytest.raises(sg.ConstraintError, match="no output") as caught:
        resolve_output("[a-z]+")
    assert "sg.regex" in str(caught.value)
    with pytest.raises(sg.SchemaError, match="nowhere"):
        resolve_output("nowhere.json")
    with pytest.raises(sg.ConstraintError, match="texts to choose from") as caught:
        resolve_output([int, str])
    assert "int | str" in str(caught.value)


def drawn(output: Any) -> sg.TextConstraint:
    """What `generate` draws from."""
    build = resolve_output(output).build
    assert build is not None
    constraint = build(None)
    assert isinstance(constraint, sg.TextConstraint)
    return constraint


SPELLED = r'"\u0061"'


def test_a_schema_means_all_spellings_and_is_drawn_in_one() -> None:
    schema: dict[str, object] = {"type": "string"}
    made = sg.json_schema(schema)
    assert made.accepts('"a"')
    assert made.accepts(SPELLED)
    for output in (schema, made, made | "none", sg.json_schema(schema, escapes="minimal")):
        assert drawn(output).accepts('"a"')
        assert not drawn(output).accepts(SPELLED)
    texts = {sg.generate("toy", "x", output=output, seed=3).text for output in (schema, made)}
    assert len(texts) == 1
    assert sg.from_type(str).accepts('"a"')
    assert not sg.from_type(str).accepts(SPELLED)


def test_escapes_that_were_chosen_are_kept() -> None:
    chosen = sg.json_schema({"type": "string"}, escapes="all")
    assert chosen.with_minimal_escapes() is chosen
    assert drawn(chosen).accepts(SPELLED)
    both = chosen + sg.json_schema({"const": "a"})
    assert both.accepts(SPELLED + SPELLED)
    assert both.with_minimal_escapes().accepts(SPELLED + '"a"')
    assert not both.with_minimal_escapes().accepts(SPELLED + SPELLED)


def test_minimal_escapes_keep_everything_else() -> None:
    """Made once, of every part, with the reading, limits and options of the original."""
    limits = sg.Limits(max_depth=7)
    made = sg.json_schema(
        {"properties": {"a": {"const": "x"}}, "required": ["a"]},
        property_order="any",
        registry={"https://example.com/x": {"type": "string"}},
        limits=limits,
    )
    minimal = made.with_minimal_escapes()
    assert minimal is made.with_minimal_escapes()
    assert minimal.with_minimal_escapes() is minimal
    assert minimal.program.limits == limits
    assert minimal.parse('{"b": 1, "a": "x"}') == {"b": 1, "a": "x"}
    assert not minimal.accepts(r'{"\u0061": "x"}')
    assert not pickle.loads(pickle.dumps(minimal)).accepts(r'{"\u0061": "x"}')
    assert pickle.loads(pickle.dumps(made)).accepts(r'{"\u0061": "x"}')
    pattern = sg.regex("[a-z]+")
    assert pattern.with_minimal_escapes() is pattern

    @sg.predicate
    def short(text: str) -> bool:
        return len(text) < 40

    joined = made & short
    narrowed = joined.with_minimal_escapes()
    assert narrowed.parts()[0] is minimal
    assert narrowed.parts()[1] is short
    constant = {"V": sg.json_schema({"const": "a"})}
    named = sg.grammar("start: V\n%declare V", terminals=constant)
    assert named.accepts(SPELLED)
    assert not named.with_minimal_escapes().accepts(SPELLED)
