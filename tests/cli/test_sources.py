"""Where constraints, prompts and tools come from, and where results go."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("click")

import structgen as sg
from structgen.cli.console import Exit
from structgen.cli.json_options import JSON_OPTIONS
from structgen.cli.sampling_options import SAMPLING_OPTIONS
from structgen.cli.tool_options import TOOL_OPTIONS
from structgen.generate import Options
from tests.cli.conftest import Cli

ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {
            "type": "object",
            "properties": {"a": {"enum": [1, 2]}},
            "required": ["a"],
        },
    },
}


def test_every_option_of_json_schema_is_there() -> None:
    taken = set(inspect.signature(sg.json_schema).parameters) - {"schema", "limits"}
    assert set(JSON_OPTIONS) == taken


def test_every_option_of_generate_is_there() -> None:
    elsewhere = {
        "whitespace": "one of the options of json_schema",
        "limits": "--limit",
        "describe": "--describe",
        "raw": "--raw",
        "max_retries": "what a command line can name has no validators of its own",
        "repair": "likewise",
    }
    assert {*SAMPLING_OPTIONS, *TOOL_OPTIONS, *elsewhere} == set(Options.__dataclass_fields__)


@pytest.mark.filterwarnings("ignore::structgen.errors.SchemaWarning")
def test_strict_refuses_slips(cli: Cli) -> None:
    slip = json.dumps({"propertes": {"a": {}}})
    assert cli("mask", "--schema", slip).exit_code == Exit.OK
    result = cli("mask", "--schema", slip, "--strict")
    assert result.exit_code == Exit.INPUT
    assert "properties" in result.stderr


@pytest.mark.parametrize("command", ["generate", "check", "mask"])
def test_every_option_of_json_schema_is_in_every_command(cli: Cli, command: str) -> None:
    told = cli(command, "--help").stdout
    for name in JSON_OPTIONS:
        assert f"--{name.replace('_', '-')}" in told


@pytest.mark.parametrize(
    ("options", "schema", "text", "fits"),
    [
        (("--property-order", "any"), {"properties": {"a": {}, "b": {}}}, '{"b": 1, "a": 1}', True),
        ((), {"properties": {"a": {}, "b": {}}}, '{"b": 1, "a": 1}', False),
        (("--draft", "draft4"), {"const": 1}, "2", True),
        (("--draft", "draft7"), {"const": 1}, "2", False),
        (("--whitespace", "compact"), {}, "[1, 2]", False),
        (("--whitespace", "2"), {}, "[\n  1\n]", True),
        (("--whitespace", '[" ,", ":"]'), {}, "[1 ,2]", True),
        (("--whitespace", '{"kind": "any", "max": 3}'), {}, "   1", True),
        (("--whitespace", '{"kind": "any", "max": 2}'), {}, "   1", False),
        (("--escapes", "all"), {"const": "a"}, r'"\u0061"', True),
        (("--escapes", "minimal"), {"const": "a"}, r'"\u0061"', False),
        (("--number-spelling", "all"), {"type": "integer"}, "1e2", True),
        (("--number-spelling", "plain"), {"type": "integer"}, "1e2", False),
        (("--format-assertion",), {"format": "date"}, '"x"', False),
        (("--no-format-assertion",), {"format": "date"}, '"x"', True),
        (("--no-additional-properties-default",), {"properties": {"a": {}}}, '{"b"', False),
        (("--additional-properties-default",), {"properties": {"a": {}}}, '{"b"', True),
        (("--strict",), {"own": 1}, "1", False),
        (("--no-strict",), {"own": 1}, "1", True),
        (("--max-string-length", "2"), {}, '"abc"', False),
        (("--max-array-length", "1"), {}, "[1, 2]", False),
        (("--max-integer-digits", "2"), {}, "123", False),
        (("--max-fraction-digits", "0"), {}, "1.5", False),
        (("--max-exponent-digits", "0", "--number-spelling", "all"), {}, "1e5", False),
    ],
)
def test_options_of_json_schema_mean_what_they_mean_there(
    cli: Cli, options: tuple[str, ...], schema: object, text: str, fits: bool
) -> None:
    result = cli("mask", "--schema", json.dumps(schema), *options, text)
    assert result.exit_code == (Exit.OK if fits else Exit.INPUT), result.stderr


def test_registered_schemas(cli: Cli, write: Any) -> None:
    named = write("named.json", {"$id": "urn:named", "const": 1})
    bare = write("bare.json", {"const": 2})
    schema = json.dumps({"prefixItems": [{"$ref": "urn:named"}, {"$ref": "urn:bare"}]})
    both = ("--registry", named, "--registry", f"urn:bare={bare}")
    assert cli("mask", "--schema", schema, *both, "[1, 2]").exit_code == Exit.OK
    assert cli("mask", "--schema", schema, *both, "[2").exit_code == Exit.INPUT
    result = cli("mask", "--schema", schema, "--registry", bare, "[1, 2]")
    assert result.exit_code == Exit.USAGE
    assert "$id" in result.stderr


def test_limits(cli: Cli) -> None:
    wide = json.dumps({"enum": [f"{i:06d}" for i in range(2000)]})
    assert cli("mask", "--schema", wide).exit_code == Exit.OK
    result = cli("mask", "--schema", wide, "--limit", "max_source_bytes=1000", "--json")
    assert result.exit_code == Exit.GENERATION
    assert json.loads(result.stdout)["error"]["name"] == "max_source_bytes"
    assert cli("check", "json", "--limit", "compile_ms=x").exit_code == Exit.USAGE


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"type": "null"}', "schema"),
        (" true\n", "schema"),
        ('start: "a"+\n', "grammar"),
        ('root ::= "a"\n', "grammar"),
    ],
)
def test_check_reads_standard_input(cli: Cli, text: str, kind: str) -> None:
    told = json.loads(cli("check", "-", "--json", stdin=text).stdout)
    assert (told["file"], told["kind"]) == ("-", kind)


def test_standard_input_is_never_a_path(cli: Cli, write: Any) -> None:
    file = write("a.json", {"type": "null"})
    for stdin in (file, "", "null", "[]"):
        result = cli("check", "-", "--as", "schema", stdin=stdin)
        assert result.exit_code == Exit.INPUT
        assert "standard input" in result.stderr
    assert cli("check", "-", stdin="what is this").exit_code == Exit.USAGE
    assert cli("check", "-", "-", stdin="{}").exit_code == Exit.USAGE
    assert cli("check", "-", "--as", "regex", stdin="[a-z]+\n").exit_code == Exit.OK


def test_check_judges_every_file(cli: Cli, write: Any) -> None:
    good, bad = write("good.json", {"type": "null"}), write("bad.lark", 'start: "a" missing\n')
    result = cli("check", good, bad, "arithmetic")
    assert result.exit_code == Exit.INPUT
    assert f"ok  {good}: schema" in result.stdout
    assert "ok  arithmetic: grammar" in result.stdout
    assert f"error: {bad}: " in result.stderr
    quiet = cli("check", good, bad, "--quiet")
    assert (quiet.exit_code, quiet.stdout) == (Exit.INPUT, "")
    # The first failure decides.
    assert cli("check", "no-such.json", bad).exit_code == Exit.USAGE
    assert cli("check", bad, "no-such.json").exit_code == Exit.INPUT


def test_shipped_grammars_go_by_name(
    cli: Cli, toy: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("check", *sg.shipped_grammars()).exit_code == Exit.OK
    assert cli("mask", "--grammar", "json", "[1,").exit_code == Exit.OK
    json.loads(toy("Hi", "--grammar", "json", "--max-tokens", "40").stdout)
    # A file of that name is meant first.
    monkeypatch.chdir(tmp_path)
    Path("json").write_text('start: "only this"\n')
    assert toy("Hi", "--grammar", "json").stdout == "only this\n"


def test_prompts_from_files(toy: Cli, write: Any) -> None:
    regex = ("--regex", "[a-z]{8}")
    expected = toy("What?", *regex).stdout
    assert toy("--prompt-file", write("p.txt", "What?"), *regex).stdout == expected
    assert toy("--prompt-file", "-", *regex, stdin="What?").stdout == expected
    assert toy("-", *regex, stdin="What?").stdout == expected
    chat = [{"role": "user", "content": "What?"}]
    assert toy("--messages", write("m.json", chat), *regex).stdout == expected
    assert toy("--messages", write("m.json", {"messages": chat}), *regex).stdout == expected
    for bad in ("[]", "[1]", "{", '"hi"'):
        assert toy("--messages", write("m.json", bad), *regex).exit_code == Exit.USAGE


def test_output_goes_to_a_file(toy: Cli, tmp_path: Path) -> None:
    file = tmp_path / "out.txt"
    result = toy("Hi", "--regex", "[a-z]{8}", "-o", str(file))
    assert (result.stdout, result.exit_code) == ("", Exit.OK)
    assert re.fullmatch(r"[a-z]{8}\n", file.read_text())
    before = file.read_text()
    failed = toy("Hi", "--regex", "[a-z]{80}", "--max-tokens", "5", "-o", str(file))
    assert failed.exit_code == Exit.GENERATION
    assert file.read_text() == before
    streamed = toy("Hi", "--regex", "[a-z]{8}", "--stream", "-o", str(file))
    assert (streamed.stdout, file.read_text()) == ("", before)
    assert list(tmp_path.iterdir()) == [file]
    assert toy("Hi", "-o", str(tmp_path)).exit_code == Exit.USAGE


def test_tools(toy: Cli, write: Any) -> None:
    for content in ([ADD], ADD, {"tools": [ADD]}):
        file = write("tools.json", content)
        result = toy("Hi", "--tools", file, "--tool-choice", "add", "--no-parallel-tool-calls")
        assert json.loads(result.stdout) in [{"name": "add", "arguments": {"a": a}} for a in (1, 2)]
    told = json.loads(toy("Hi", "--tools", file, "--tool-choice", "required", "--json").stdout)
    assert told["value"]["text"] == ""
    assert {call["name"] for call in told["value"]["calls"]} == {"add"}
    assert "<tool_call>" in told["text"]
    none = json.loads(toy("Hi", "--tools", file, "--tool-choice", "none", "--json").stdout)
    assert none["value"] == {"text": none["text"], "calls": []}
    mistral = ("--tool-format", "mistral", "--tool-choice", "required", "--json")
    assert "[TOOL_CALLS]" in json.loads(toy("Hi", "--tools", file, *mistral).stdout)["text"]


@pytest.mark.parametrize("content", ["[]", "{", "7", "[1]"])
def test_a_file_without_tools(toy: Cli, write: Any, content: str) -> None:
    result = toy("Hi", "--tools", write("tools.json", content))
    assert result.exit_code == Exit.USAGE
    assert "error: the file" in result.stderr


def test_a_malformed_tool(toy: Cli, write: Any) -> None:
    file = write("tools.json", [{"description": "no name"}])
    assert toy("Hi", "--tools", file).exit_code == Exit.INPUT


def test_an_unknown_tool_is_refused(toy: Cli, write: Any) -> None:
    result = toy("Hi", "--tools", write("tools.json", [ADD]), "--tool-choice", "sub")
    assert result.exit_code == Exit.INPUT
    assert "add" in result.stderr


def test_quiet_leaves_standard_error_empty(cli: Cli) -> None:
    arguments = ("generate", "Hi", "--model", "toy", "--regex", "[a-z]{4}")
    assert "seed" in cli(*arguments).stderr
    assert cli(*arguments, "--quiet").stderr == ""
    assert "seed" in cli(*arguments).stderr
