"""lark as a judge, and as a source of strings, for a grammar file."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

from lark import Lark, UnexpectedInput
from lark.grammar import NonTerminal, Rule, Symbol

from structgen.constraints import TextConstraint, regex

MAX_LENGTH = 60
"""Characters of a tested string: lark's Earley parser is quadratic and worse."""

FOLDER = Path(__file__).parents[2] / "grammars"
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/grammar.lark"))


def parser_of(name: str) -> Lark:
    path = FOLDER / name / "grammar.lark"
    return Lark(
        path.read_text(encoding="utf-8"),
        parser="earley",
        lexer="dynamic_complete",
        source_path=str(path),
    )


def lark_accepts(parser: Lark, text: str) -> bool:
    try:
        parser.parse(text)
    except UnexpectedInput:
        return False
    return True


class Derivations:
    """Random texts of a grammar, derived from lark's own compiled rules."""

    def __init__(self, parser: Lark) -> None:
        self._terminals = {t.name: t.pattern.to_regexp() for t in parser.terminals}
        self._samplers: dict[str, TextConstraint] = {}
        self._ignored = [*parser.ignore_tokens]
        self._rules: dict[str, list[Rule]] = defaultdict(list)
        for rule in parser.rules:
            self._rules[str(rule.origin.name)].append(rule)
        self._heights = self._minimal_heights()

    def _minimal_heights(self) -> dict[str, int]:
        """The height of the lowest derivation tree of each rule."""
        heights: dict[str, int] = {}
        while len(heights) < len(self._rules):
            before = len(heights)
            found = {
                name: min(1 + self._height(rule, heights) for rule in rules)
                for name, rules in self._rules.items()
            }
            heights = {name: height for name, height in found.items() if height < 1_000}
            assert len(heights) > before, "a rule derives nothing"
        return heights

    @staticmethod
    def _height(rule: Rule, heights: dict[str, int]) -> int:
        return max(
            (heights.get(s.name, 1_000) for s in rule.expansion if isinstance(s, NonTerminal)),
            default=0,
        )

    def text(self, rng: random.Random) -> str:
        pieces: list[str] = []
        self._derive(NonTerminal("start"), rng, rng.randint(3, 14), pieces)
        return "".join(pieces)

    def _derive(self, symbol: Symbol, rng: random.Random, budget: int, pieces: list[str]) -> None:
        if not isinstance(symbol, NonTerminal):
            pieces.append(self._space(rng))
            pieces.append(self._lexeme(symbol.name, rng))
            return
        rules = self._rules[symbol.name]
        fitting = [rule for rule in rules if self._height(rule, self._heights) < budget]
        lowest = min(self._height(rule, self._heights) for rule in rules)
        chosen = rng.choice(
            fitting or [rule for rule in rules if self._height(rule, self._heights) == lowest]
        )
        for part in chosen.expansion:
            self._derive(part, rng, budget - 1, pieces)
            if sum(map(len, pieces)) > 4 * MAX_LENGTH:
                return

    def _space(self, rng: random.Random) -> str:
        if not self._ignored or rng.random() < 0.8:
            return ""
        return self._lexeme(rng.choice(self._ignored), rng)

    def _lexeme(self, name: str, rng: random.Random) -> str:
        if name not in self._samplers:
            self._samplers[name] = regex(self._terminals[name])
        return self._samplers[name].sample(rng.randrange(1 << 30), max_bytes=rng.choice((1, 4, 10)))


def mutated(text: str, alphabet: str, rng: random.Random) -> str:
    """`text` with one to three small accidents."""
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(text))
        match rng.randrange(6):
            case 0:
                text = text[:at] + text[at + 1 :]
            case 1:
                text = text[:at] + rng.choice(alphabet) + text[at:]
            case 2:
                text = text[:at] + rng.choice(alphabet) + text[at + 1 :]
            case 3 if len(text) > 1:
                swap = rng.randrange(len(text) - 1)
                text = text[:swap] + text[swap + 1] + text[swap] + text[swap + 2 :]
            case 4:
                other = rng.randint(0, len(text))
                low, high = min(at, other), max(at, other)
                text = text[:high] + text[low:high] + text[high:]
            case _:
                text = text[:at]
    return text
