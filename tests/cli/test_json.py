"""``--json``: complete results, and errors that a program can read."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("click")

import numpy as np

from structgen.cli.console import Exit
from structgen.cli.plain import dumps, plain_error
from structgen.errors import EmptyLanguageError, LimitExceeded, SchemaError, TokenBudgetError
from structgen.plain import plain
from tests.cli.conftest import Cli

SCHEMA = '{"type": "object", "properties": {"age": {"enum": [7, 9]}}, "required": ["age"]}'
CLOSED = ("--no-additional-properties-default", "--whitespace", "compact")


def test_a_result_is_complete(toy: Cli) -> None:
    result = toy("Hi", "--schema", SCHEMA, *CLOSED, "--max-tokens", "60", "--json")
    told = json.loads(result.stdout)
    assert told["value"]["age"] in (7, 9)
    assert told["value"] == json.loads(told["text"])
    assert told["seed"] == 5
    assert told["finish_reason"] in ("end", "complete", "closed")
    assert told["tokens"] == len(told["token_ids"]) == len(told["log_z"])
    assert told["log_w"] == pytest.approx(math.fsum(told["log_z"]), abs=1e-6)
    assert told["logp_raw"] < 0
    assert told["checks"] >= 0
    assert set(told["timings"]) >= {"compile", "total"}


def test_a_text_is_its_own_value(toy: Cli) -> None:
    told = json.loads(toy("Hi", "--regex", "[0-9]{3}", "--json").stdout)
    assert told["value"] == told["text"]


@pytest.mark.parametrize("sampler", ["importance", "smc"])
def test_particles_are_told(toy: Cli, sampler: str) -> None:
    options = ("--sampler", sampler, "--particles", "4", "--max-tokens", "8", "--json")
    told = json.loads(toy("Hi", "--regex", "(ab|cd){1,3};", *options).stdout)
    particles = told["particles"]
    assert len(particles["texts"]) == len(particles["weights"]) == len(particles["log_w"]) == 4
    assert sum(particles["weights"]) == pytest.approx(1.0)
    assert told["text"] in particles["texts"]


def test_several_texts_are_lines_with_seeds(toy: Cli) -> None:
    lines = toy("Hi", "--regex", "[a-z]{6}", "--n", "3", "--json").stdout.splitlines()
    told = [json.loads(line) for line in lines]
    assert [one["seed"] for one in told] == [5, 6, 7]
    assert len({one["text"] for one in told}) == 3
    alone = toy("Hi", "--regex", "[a-z]{6}", "--seed", "6", "--json")
    assert json.loads(alone.stdout)["text"] == told[1]["text"]


ERRORS: list[tuple[tuple[str, ...], Exit, dict[str, Any]]] = [
    (
        ("generate", "Hi", "--model", "toy", "--schema", '{"a": {}, "type": "strin"}'),
        Exit.INPUT,
        {"code": "schema", "pointer": "", "keyword": "type"},
    ),
    (
        ("generate", "Hi", "--model", "toy", "--regex", "(a"),
        Exit.INPUT,
        {"code": "regex-syntax", "line": 1},
    ),
    (
        ("generate", "Hi", "--model", "toy", "--regex", "a{30}", "--max-tokens", "9"),
        Exit.GENERATION,
        {"code": "token-budget", "given": 9, "needed": 31},
    ),
    (("generate", "Hi", "--model", "toy", "--top-k", "0"), Exit.USAGE, {"code": "usage"}),
    (("generate", "Hi", "--no-such-option"), Exit.USAGE, {"code": "usage"}),
    (("generate", "Hi", "--schema", "no-such.json"), Exit.USAGE, {"code": "usage"}),
    (("generate", "Hi", "--model", "./nowhere"), Exit.MISSING, {"code": "backend"}),
    (("mask", "x", "--regex", "a"), Exit.INPUT, {"code": "constraint"}),
    (("mask",), Exit.USAGE, {"code": "usage"}),
    (("mask", "--regex", "a", "--tokenizer", "nowhere"), Exit.USAGE, {"code": "usage"}),
    (("check", "no-such.json"), Exit.USAGE, {"code": "usage"}),
    (("check",), Exit.USAGE, {"code": "usage"}),
    (("check", "--as", "regex", "[a-"), Exit.INPUT, {"code": "regex-syntax", "column": 1}),
    (("models", "nothing"), Exit.USAGE, {"code": "usage"}),
    (("chekc", "a.json"), Exit.USAGE, {"code": "usage"}),
    ((), Exit.USAGE, {"code": "usage"}),
]


@pytest.mark.parametrize(("arguments", "code", "fields"), ERRORS)
def test_errors_are_json_too(
    cli: Cli, arguments: tuple[str, ...], code: Exit, fields: dict[str, Any]
) -> None:
    result = cli(*arguments, "--json")
    assert result.exit_code == code
    assert result.stderr == ""
    told = json.loads(result.stdout)
    assert told["ok"] is False
    assert told["exit_code"] == code
    assert set(told["error"]) >= {"code", "message", "hint"}
    assert told["error"]["message"]
    assert {name: told["error"].get(name) for name in fields} == fields


def test_the_same_errors_are_messages_without_it(cli: Cli) -> None:
    for arguments, code, _ in ERRORS:
        result = cli(*arguments)
        assert result.exit_code == code
        assert result.stdout == ""
        if arguments:  # without any, the help is printed
            assert "error: " in result.stderr


def test_a_prompt_that_says_json_is_no_option(cli: Cli) -> None:
    result = cli("generate", "--model", "toy", "--regex", "(a", "--", "--json")
    assert result.exit_code == Exit.INPUT
    assert result.stdout == ""
    assert "error:" in result.stderr


def test_hints_stand_on_a_line_of_their_own(cli: Cli) -> None:
    lines = cli("generate", "Hi", "--grammar", "jsn").stderr.splitlines()
    assert lines[-1].startswith("hint: shipped grammars: ")
    assert lines[-2].startswith("error: the file `jsn` does not exist")


def test_check_tells_of_each_file_in_a_line(cli: Cli, write: Any) -> None:
    good = write("good.json", '{"type": "integer"}')
    bad = write("bad.json", '{"properties": {"a": {"type": 5}}}')
    result = cli("check", good, bad, "json", "no-such.json", "--json")
    assert result.exit_code == Exit.INPUT
    first, second, third, fourth = map(json.loads, result.stdout.splitlines())
    assert (first["file"], first["ok"], first["kind"]) == (good, True, "schema")
    assert (second["file"], second["ok"]) == (bad, False)
    assert second["error"]["pointer"] == "/properties/a/type"[: len(second["error"]["pointer"])]
    assert second["error"]["pointer"].startswith("/properties/a")
    assert (third["file"], third["kind"]) == ("json", "grammar")
    assert fourth["exit_code"] == Exit.USAGE


def test_numbers_that_json_has_not_are_null() -> None:
    assert json.loads(dumps({"a": [-math.inf, math.nan, 1.5], "b": np.array([1, 2])})) == {
        "a": [None, None, 1.5],
        "b": [1, 2],
    }
    assert plain(Path("a")) == "a"


def test_errors_tell_the_fields_of_their_class() -> None:
    assert plain_error(SchemaError("m", pointer="/a", keyword="k", hint="h")) == {
        "code": "schema",
        "message": "m",
        "hint": "h",
        "pointer": "/a",
        "keyword": "k",
    }
    assert plain_error(LimitExceeded("m", name="compile_ms", limit=5))["limit"] == 5
    assert plain_error(TokenBudgetError("m", needed=7))["needed"] == 7
    assert plain_error(EmptyLanguageError("m", pointers=["/a", "/b"]))["pointers"] == ["/a", "/b"]


def test_a_time_limit_keeps_the_text(toy: Cli) -> None:
    result = toy(
        "Hi", "--regex", "[a-z]{30000}", "--max-tokens", "30001", "--timeout", "0.2", "--json"
    )
    assert result.exit_code == Exit.GENERATION
    told = json.loads(result.stdout)
    assert told["error"]["code"] == "generation-timeout"
    assert re.fullmatch("[a-z]*", told["error"]["text"])
    assert told["error"]["seed"] == 5
