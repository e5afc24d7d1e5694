"""The command line, in process: output, messages, exit codes."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("click")

from click.testing import CliRunner, Result

from structgen.cli.app import app
from structgen.cli.console import Exit, be_quiet, exit_code, visible
from structgen.errors import (
    BackendError,
    DeadEnd,
    LimitExceeded,
    MissingExtraError,
    OptionValueError,
    RegexSyntaxError,
    StructgenError,
    TokenBudgetError,
    VocabularyError,
)

ROOT = Path(__file__).parents[2]


def cli(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin, catch_exceptions=False)


@pytest.fixture
def person(tmp_path: Path) -> Path:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 5}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    path = tmp_path / "person.json"
    path.write_text(json.dumps(schema))
    return path


@pytest.mark.parametrize("command", [(), ("generate",), ("check",), ("mask",), ("models",)])
def test_help_teaches_by_example(command: tuple[str, ...]) -> None:
    result = cli(*command, "--help")
    assert result.exit_code == 0
    assert f"structgen {command[0] if command else 'generate'}" in result.stdout


def test_generate_prints_the_text_alone_on_stdout() -> None:
    result = cli("generate", "Hi", "--model", "toy", "--regex", "[a-z]{4}", "--seed", "3")
    assert result.exit_code == 0
    assert re.fullmatch(r"[a-z]{4}\n", result.stdout)
    assert result.stderr == ""
    again = cli("generate", "Hi", "--model", "toy", "--regex", "[a-z]{4}", "--seed", "3")
    assert again.stdout == result.stdout


def test_generate_reports_the_seed_it_drew() -> None:
    first = cli("generate", "Hi", "--model", "toy", "--regex", "[a-z]{8}")
    seed = re.search(r"seed (\d+)", first.stderr)
    assert seed is not None
    again = cli("generate", "Hi", "--model", "toy", "--regex", "[a-z]{8}", "--seed", seed[1])
    assert again.stdout == first.stdout


def test_generate_reads_the_prompt_from_stdin_and_streams() -> None:
    arguments = ("--model", "toy", "--choice", "yes", "--choice", "no", "--seed", "1")
    piped = cli("generate", *arguments, "--stream", stdin="Well?")
    assert piped.exit_code == 0
    assert piped.stdout in ("yes\n", "no\n")
    assert piped.stdout == cli("generate", "Well?", *arguments).stdout


@pytest.mark.parametrize("sampler", ["auto", "masked", "awrs", "importance", "smc"])
def test_generate_json_of_every_sampler(sampler: str) -> None:
    result = cli(
        *("generate", "Hi", "--model", "toy", "--regex", "(ab|cd)+;", "--max-tokens", "20"),
        *("--sampler", sampler, "--seed", "5", "--json"),
    )
    told = json.loads(result.stdout)
    assert re.fullmatch("(ab|cd)+;", told["text"])
    assert told["seed"] == 5
    assert told["log_w"] <= 0
    assert ("particles" in told) is (sampler in ("importance", "smc"))


def test_generate_with_speculation_writes_the_same_text() -> None:
    arguments = ("generate", "Hi", "--model", "toy", "--regex", "name: [a-z]{3}", "--seed", "5")
    fast = cli(*arguments, "--speculative", "--json")
    assert json.loads(fast.stdout)["text"] + "\n" == cli(*arguments).stdout
    assert json.loads(fast.stdout)["speculation"]["tokens_per_forward"] > 1


def test_generate_with_a_schema(person: Path) -> None:
    result = cli(
        *("generate", "Hi", "--model", "toy", "--schema", str(person), "--describe"),
        *("--max-tokens", "60", "--seed", "2", "--whitespace", "compact"),
    )
    value = json.loads(result.stdout)
    assert list(value) == ["name", "age"]
    assert len(value["name"]) <= 5
    inline = cli("generate", "Hi", "--model", "toy", "--schema", '{"const": [true]}')
    assert json.loads(inline.stdout) == [True]


def test_generate_with_a_grammar() -> None:
    grammar = ROOT / "grammars" / "iso_date" / "grammar.lark"
    result = cli("generate", "Hi", "--model", "toy", "--grammar", str(grammar), "--seed", "1")
    assert result.exit_code == 0
    assert re.match(r"\d{4}", result.stdout)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--regex", "[a-z"), Exit.INPUT, "unterminated"),
        (("--regex", "a", "--choice", "b"), Exit.USAGE, "cannot be combined"),
        (("--whitespace", "compact"), Exit.USAGE, "--schema"),
        (("--start", "x"), Exit.USAGE, "--grammar"),
        (("--describe",), Exit.USAGE, "--schema"),
        (("--raw", "--system", "x"), Exit.USAGE, "--system"),
        (("--regex", "[a-z]{30}", "--max-tokens", "5"), Exit.GENERATION, "max_tokens=31"),
        (("--sampler", "smc", "--temperature", "0"), Exit.USAGE, "temperature"),
        (("--particles", "3"), Exit.USAGE, "particles"),
        (("--stream", "--json"), Exit.USAGE, ""),
        (("--schema", "no-such-file.json"), Exit.USAGE, "no-such-file.json"),
        (("--grammar", "jsn"), Exit.USAGE, "shipped grammars: arithmetic"),
        (("--stream", "--n", "2"), Exit.USAGE, "combined"),
        (("--draft", "draft7"), Exit.USAGE, "--draft goes with --schema"),
        (("--tool-choice", "add"), Exit.USAGE, "--tools"),
        (("--tools", "no-such-file.json"), Exit.USAGE, "no-such-file.json"),
        (("--prompt-file", "no-such-file.txt"), Exit.USAGE, "PROMPT and --prompt-file"),
        (("--limit", "compile=5"), Exit.USAGE, "compile_ms"),
        (("--output", "no/such/folder/x"), Exit.USAGE, "cannot be written"),
        (("--schema", "{}", "--whitespace", "wide"), Exit.USAGE, "flexible"),
        (("--schema", '{"type": "strin"}'), Exit.INPUT, "type"),
        (("--temprature", "1"), Exit.USAGE, "--temperature"),
    ],
)
def test_generate_says_what_is_wrong(arguments: tuple[str, ...], code: Exit, told: str) -> None:
    result = cli("generate", "Hi", "--model", "toy", *arguments)
    assert result.exit_code == code
    assert told in result.stderr
    if "--json" not in arguments:
        assert result.stdout == ""


def test_mask_lists_what_may_come() -> None:
    result = cli("mask", "--regex", "[0-9]{2}-(ab|ac)x?", "12")
    assert result.exit_code == 0
    assert "not complete" in result.stdout
    assert "'-a'" in result.stdout
    assert re.search(r"tokens\s+1 of 257", result.stdout)


def test_mask_json_at_a_complete_text() -> None:
    told = json.loads(cli("mask", "--regex", "ab?c{0,40}", "a", "--json", "--top", "1").stdout)
    assert told["complete"] is True
    assert told["end_allowed"] is True
    assert told["count"] == 3
    assert told["tokens"] == [{"id": ord("b"), "text": "b"}]


def test_mask_says_where_the_prefix_leaves() -> None:
    result = cli("mask", "--regex", "[0-9]{4}", "20x6")
    assert result.exit_code == Exit.INPUT
    assert "'20'" in result.stderr
    assert "'x6'" in result.stderr


def test_mask_needs_a_constraint_and_a_vocabulary() -> None:
    assert cli("mask", "abc").exit_code == Exit.USAGE
    result = cli("mask", "--regex", "a", "--tokenizer", "nowhere")
    assert result.exit_code == Exit.USAGE
    assert "nowhere" in result.stderr


def test_check_reports_keywords_and_samples(person: Path) -> None:
    result = cli("check", str(person), "--samples", "2")
    assert result.exit_code == 0
    assert "maxLength" in result.stdout
    assert "enforced" in result.stdout
    told = json.loads(cli("check", str(person), "--json", "--samples", "4").stdout)
    assert told["kind"] == "schema"
    assert {"name", "age"} == set(json.loads(told["samples"][0]))
    assert len(told["samples"]) == 4


def test_check_tells_of_every_keyword_what_becomes_of_it(tmp_path: Path) -> None:
    schema = tmp_path / "s.json"
    schema.write_text(
        json.dumps(
            {
                "items": {"$ref": "#/$defs/date"},
                "uniqueItems": True,
                "$defs": {"date": {"format": "date", "const": 1}, "unused": {"type": "null"}},
            }
        )
    )
    result = cli("check", str(schema))
    assert result.exit_code == Exit.OK
    lines = [line.split(None, 3) for line in result.stdout.splitlines()]
    assert ["(root)", "items", "enforced"] in lines
    assert ["(root)", "uniqueItems", "residual"] in [line[:3] for line in lines]
    assert ["/$defs/date", "const", "enforced"] in lines
    assert ["/$defs/unused", "(schema)", "unreachable", "no reference leads here"] in lines
    assert "keywords: 4 enforced, 1 residual, 1 annotation, 1 unreachable" in result.stdout
    told = json.loads(cli("check", str(schema), "--draft", "draft4", "--json").stdout)
    statuses = {(one["pointer"], one["keyword"]): one["status"] for one in told["report"]}
    assert statuses["/$defs/date", "const"] == "annotation"
    assert told["exactness"] == "superset"
    assert cli("check", "--as", "regex", "a", "--draft", "draft4").exit_code == Exit.USAGE


def test_check_names_the_place_of_an_error(tmp_path: Path) -> None:
    schema = tmp_path / "bad.json"
    schema.write_text('{"properties": {"a": {"type": "strin"}}}')
    result = cli("check", str(schema))
    assert result.exit_code == Exit.INPUT
    assert "/properties/a" in result.stderr
    grammar = tmp_path / "bad.lark"
    grammar.write_text('start: "a" missing\n')
    result = cli("check", str(grammar))
    assert result.exit_code == Exit.INPUT
    assert "missing" in result.stderr


def test_check_shows_colliding_terminals(tmp_path: Path) -> None:
    pytest.importorskip("interegular")
    grammar = tmp_path / "g.lark"
    grammar.write_text("start: NAME | WORD\nNAME: /[a-z]+[0-9]?/\nWORD: /[a-c]{3}/\n")
    result = cli("check", str(grammar))
    assert "NAME and WORD" in result.stdout
    (collision,) = json.loads(cli("check", str(grammar), "--json").stdout)["collisions"]
    assert re.fullmatch("[a-c]{3}", collision["example"])


def test_check_of_patterns_and_unknown_files() -> None:
    assert cli("check", "--as", "regex", "(a|b)*c").exit_code == 0
    assert cli("check", "--as", "regex", "(a|b").exit_code == Exit.INPUT
    assert cli("check", "what.txt").exit_code == Exit.USAGE
    assert cli("check", "no-such.json").exit_code == Exit.USAGE


def test_models_lists_what_can_be_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STRUCTGEN_CACHE", str(tmp_path))
    result = cli("models")
    assert result.exit_code == 0
    assert "structgen models fetch" in result.stdout
    assert json.loads(cli("models", "--json").stdout)["default_cached"] is False


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RegexSyntaxError("x"), Exit.INPUT),
        (VocabularyError("x"), Exit.INPUT),
        (MissingExtraError("torch", extra="transformers"), Exit.MISSING),
        (BackendError("x"), Exit.MISSING),
        (TokenBudgetError("x"), Exit.GENERATION),
        (DeadEnd("x"), Exit.GENERATION),
        (LimitExceeded("x"), Exit.GENERATION),
        (OptionValueError("x", option="top_k"), Exit.USAGE),
        (StructgenError("x"), Exit.INPUT),
    ],
)
def test_exit_codes(error: StructgenError, code: Exit) -> None:
    assert exit_code(error) is code


def test_visible_shows_control_characters() -> None:
    assert visible("a\n\x00'") == '"a\\n\\x00\'"'


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = CliRunner().invoke(app, ["mask", "--regex", "a"], color=True).stdout
    assert "\x1b[" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    plain = CliRunner().invoke(app, ["mask", "--regex", "a"], color=True)
    assert "\x1b[" not in plain.stdout


def test_without_click_the_command_says_what_to_install() -> None:
    program = "import sys; sys.modules['click'] = None\nfrom structgen.cli import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert done.stderr.splitlines()[1] == "hint: pip install 'structgen[cli]'"
    program = "import sys; sys.argv = ['structgen', 'models', '--json']\n" + program
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (3, "")
    assert json.loads(done.stdout)["error"]["code"] == "missing-extra"


def test_python_m_runs_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "structgen", "mask", "--regex", "ab", "a"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "'b'" in done.stdout


def _process(
    *arguments: str, shell: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own; `shell` is what its output is piped into."""
    command = shlex.join([sys.executable, "-m", "structgen", *arguments])
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command + shell],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    many = (
        "generate",
        "Hi",
        "--model",
        "toy",
        "--regex",
        "[a-z]{200}",
        "--n",
        "400",
        "--seed",
        "1",
    )
    done = _process(*many, shell=" | head -n 1")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout) == 201


def test_a_shell_can_complete() -> None:
    assert "_STRUCTGEN_COMPLETE=bash_source structgen" in cli("--help").stdout
    program = "import sys; sys.argv = ['structgen']\nfrom structgen.cli import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "_STRUCTGEN_COMPLETE": "bash_complete",
            "COMP_WORDS": "structgen check --prop",
            "COMP_CWORD": "2",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "--property-order" in done.stdout


def test_warnings_are_notes() -> None:
    program = (
        "import warnings, sys\nfrom structgen.cli import console\n"
        "console.show_warnings_as_notes()\nwarnings.warn('look here')\n"
        "console.be_quiet(True)\nwarnings.warn('not here')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stderr == "warning: look here\n"


def test_quiet_hides_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    from structgen.models import progress

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert progress.watched()
    be_quiet(True)
    assert not progress.watched()
    be_quiet(False)
    assert progress.watched()
