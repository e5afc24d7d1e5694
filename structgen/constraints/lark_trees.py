"""Bounded preparation of a parsed Lark grammar.

lark multiplies alternatives out: ``[a] [b] [c]`` becomes eight expansions, and twenty such
optionals a million. Templates that call each other with new arguments never end, and terminals
that mention each other twice double in size at every level. Grammars come from strangers, so the
trees are brought into a form, before lark compiles them, in which none of this happens:

* templates are instantiated here, with a limit on their number;
* an alternative inside a sequence becomes a rule of its own;
* only rules that the start rule reaches are kept;
* the size of every terminal is estimated before lark writes its pattern out.

The language stays what lark says it is. Aliases and priorities shape and choose trees, not
languages, and are dropped.
"""

# lark is typed in part only, its trees not at all.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false
# pyright: reportArgumentType=false

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from lark import Token, Tree
from lark.grammar import NonTerminal, RuleOptions, Symbol
from lark.load_grammar import Grammar

from structgen.constraints._excerpt import line_and_column, start_hint
from structgen.errors import GrammarSyntaxError, LimitExceeded

MAX_RULES: Final = 50_000
"""Rules after templates and nested alternatives are written out."""

MAX_INSTANCES: Final = 2_000
"""Uses of templates with different arguments."""

MAX_PATTERN: Final = 100_000
"""Characters of one terminal's pattern, terminals inside it written out."""

MAX_TREE_DEPTH: Final = 200
"""Nesting of one rule's right-hand side; lark's visitors recurse."""

MAX_REPEAT: Final = 10_000
"""The largest count of ``~`` in a rule."""

# lark's trees hold symbols, tokens and trees, and have no useful static type for that.
_Node = Any
_RuleDef = tuple[str, tuple[str, ...], Tree[_Node], RuleOptions | None]


@dataclass
class _Normaliser:
    """Rewrites rule definitions one by one, from the start rule on."""

    definitions: dict[str, _RuleDef]
    done: dict[str, _RuleDef] = field(default_factory=dict[str, _RuleDef])
    waiting: list[_RuleDef] = field(default_factory=list[_RuleDef])
    instances: dict[str, str] = field(default_factory=dict[str, str])
    fresh: int = 0

    def reach(self, name: str) -> None:
        definition = self.definitions.get(name)
        if definition is not None and name not in self.done and not definition[1]:
            self._schedule(definition)

    def _schedule(self, definition: _RuleDef) -> None:
        self.done[definition[0]] = definition
        if len(self.done) > MAX_RULES:
            raise LimitExceeded(
                f"the grammar has more than {MAX_RULES} rules with its templates and nested "
                "alternatives written out",
                name="max_grammar_rules",
                limit=MAX_RULES,
            )
        self.waiting.append(definition)

    def run(self) -> list[_RuleDef]:
        while self.waiting:
            name, _, tree, options = self.waiting.pop()
            self.done[name] = (name, (), self._right_hand_side(name, tree), options)
        return list(self.done.values())

    def _right_hand_side(self, owner: str, tree: Tree[_Node]) -> Tree[_Node]:
        return Tree("expansions", [self._sequence(owner, a, 0) for a in _alternatives(tree)])

    def _sequence(self, owner: str, tree: _Node, depth: int) -> Tree[_Node]:
        _check_depth(owner, depth)
        if tree.data == "alias":
            tree = tree.children[0]
        items = tree.children if tree.data == "expansion" else [tree]
        return Tree("expansion", [self._item(owner, item, depth + 1) for item in items])

    def _item(self, owner: str, node: _Node, depth: int) -> _Node:
        """A child of a sequence, made into something that lark does not multiply out."""
        _check_depth(owner, depth)
        if isinstance(node, Symbol):
            node = Tree("value", [node])
        match node.data:
            case "value":
                child = node.children[0]
                if isinstance(child, NonTerminal):
                    self.reach(child.name)
                elif isinstance(child, Tree):
                    return Tree("value", [self._item(owner, child, depth + 1)])
                return node
            case "template_usage":
                return self._instance(owner, node, depth)
            case "expansions" | "expansion" | "alias":
                alternatives = list(_alternatives(node))
                if len(alternatives) == 1 and len(_symbols(alternatives[0])) == 1:
                    return self._item(owner, _symbols(alternatives[0])[0], depth + 1)
                return self._own_rule(
                    owner,
                    Tree("expansions", [self._sequence(owner, a, depth + 1) for a in alternatives]),
                )
            case "maybe":
                return self._item(
                    owner, Tree("expr", [node.children[0], Token("OP", "?")]), depth + 1
                )
            case "expr":
                return self._repetition(owner, node, depth)
            case _:  # a literal or a range: one terminal
                return node

    def _repetition(self, owner: str, node: Tree[_Node], depth: int) -> _Node:
        atom, operator, *counts = node.children
        atom = self._item(owner, atom, depth + 1)
        if any(int(count) > MAX_REPEAT for count in counts):
            raise LimitExceeded(
                f"rule `{owner}` repeats more than {MAX_REPEAT} times",
                name="max_repeat",
                limit=MAX_REPEAT,
            )
        expr = Tree("expr", [atom, operator, *counts])
        # lark gives `+` a rule of its own and writes the others out where they stand.
        return expr if operator == "+" else self._own_rule(owner, _only(expr))

    def _own_rule(self, owner: str, body: Tree[_Node]) -> Tree[_Node]:
        self.fresh += 1
        # `#` cannot stand in a name that was written in a file.
        name = f"{owner.split('#')[0]}#{self.fresh}"
        definition: _RuleDef = (name, (), body, None)
        self.done[name] = definition
        if len(self.done) > MAX_RULES:
            self._schedule(definition)
        return Tree("value", [NonTerminal(name)])

    def _instance(self, owner: str, node: Tree[_Node], depth: int) -> Tree[_Node]:
        called = node.children[0]
        while isinstance(called, Tree):  # a template that was passed as an argument
            called = called.children[0]
        if called.name not in self.definitions or not self.definitions[called.name][1]:
            raise GrammarSyntaxError(f"`{called.name}` in rule `{owner}` is not a template")
        _, params, tree, options = self.definitions[called.name]
        arguments = [self._argument(owner, a, depth + 1) for a in node.children[1:]]
        if len(arguments) != len(params):
            raise GrammarSyntaxError(
                f"template `{called.name}` takes {len(params)} arguments, {len(arguments)} given "
                f"in rule `{owner}`"
            )
        key = f"{called.name}{{{','.join(str(argument) for argument in arguments)}}}"
        name = self.instances.get(key)
        if name is None:
            if len(self.instances) >= MAX_INSTANCES:
                raise LimitExceeded(
                    f"templates are used with more than {MAX_INSTANCES} different arguments",
                    name="max_template_instances",
                    limit=MAX_INSTANCES,
                )
            self.fresh += 1
            name = self.instances[key] = f"{called.name}#{self.fresh}"
            bound = dict(zip(params, arguments, strict=True))
            self._schedule((name, (), _substitute(tree, bound), options))
        return Tree("value", [NonTerminal(name)])

    def _argument(self, owner: str, node: _Node, depth: int) -> _Node:
        """A template's argument. The name of a template may be passed on uninstantiated."""
        if isinstance(node, Tree) and node.data == "value":
            child = node.children[0]
            if isinstance(child, NonTerminal) and self.definitions.get(child.name, ("", ()))[1]:
                return node
        return self._item(owner, node, depth)


def _check_depth(owner: str, depth: int) -> None:
    if depth > MAX_TREE_DEPTH:
        raise LimitExceeded(
            f"rule `{owner}` is nested deeper than {MAX_TREE_DEPTH}",
            name="max_tree_depth",
            limit=MAX_TREE_DEPTH,
        )


def _alternatives(tree: Tree[_Node]) -> Iterator[_Node]:
    """The alternatives of a right-hand side, aliases taken off."""
    if tree.data == "expansions":
        for child in tree.children:
            yield child.children[0] if child.data == "alias" else child
    elif tree.data == "alias":
        yield tree.children[0]
    else:
        yield tree


def _symbols(alternative: _Node) -> list[_Node]:
    return alternative.children if alternative.data == "expansion" else [alternative]


def _only(node: _Node) -> Tree[_Node]:
    return Tree("expansions", [Tree("expansion", [node])])


def _substitute(node: _Node, bound: dict[str, _Node]) -> _Node:
    """A copy of `node` with the parameters of a template replaced. Depth was bounded by lark's
    own parser's output, which `prepared` checks before."""
    if not isinstance(node, Tree):
        return node
    if node.data == "value" and len(node.children) == 1:
        child = node.children[0]
        if isinstance(child, Symbol) and child.name in bound:
            return bound[child.name]
    children = [_substitute(child, bound) for child in node.children]
    if node.data == "template_usage":
        called = node.children[0]
        if called.name in bound:
            children[0] = bound[called.name]
    return Tree(node.data, children)


def _depth(tree: Tree[_Node]) -> int:
    deepest = 0
    stack: list[tuple[Tree[_Node], int]] = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        if deepest > 4 * MAX_TREE_DEPTH:
            return deepest
        stack.extend((child, depth + 1) for child in node.children if isinstance(child, Tree))
    return deepest


OPAQUE: Final = re.compile(
    r"//[^\n]*|\#[^\n]*"
    r'|"(?:\\.|[^"\\\n])*+"?i?'
    r"|/(?!/)(?:\\.|[^/\\])*+/?[imslux]*"
)
"""Comments, literals and patterns of a grammar text. One that is never closed, which lark refuses,
reaches to the end, so that looking for them is linear in the text."""

_TERMINAL = re.compile(
    r"^[ \t]*(?:%override[ \t]+|%extend[ \t]+)?(_?[A-Z][_A-Z0-9]*)[^\n:%]*:", re.M
)
_DEFINITION = re.compile(r"^[ \t]*(?:[?!]*_?[A-Za-z]\w*[^\n:|]*:|%)", re.M)
_NAME = re.compile(r"\b_?[A-Z][_A-Z0-9]*\b")


_BRACKET = re.compile(r"[(\[{)\]}]")


def check_nesting(text: str) -> None:
    """Refuse a grammar text whose groups nest too deeply.

    This must come before lark: its visitors recurse, and where somebody has raised Python's
    recursion limit they take time that grows with the square of the depth.
    """
    # What is opaque keeps its length, so that places stay where they are.
    stripped = OPAQUE.sub(lambda found: "x" * len(found[0]), text)
    depth = 0
    for bracket in _BRACKET.finditer(stripped):
        depth = depth + 1 if bracket[0] in "([{" else max(depth - 1, 0)
        if depth > MAX_TREE_DEPTH:
            line, column = line_and_column(text, bracket.start())
            raise LimitExceeded(
                f"the groups at line {line}, column {column} are nested deeper than "
                f"{MAX_TREE_DEPTH}",
                name="max_tree_depth",
                limit=MAX_TREE_DEPTH,
            )


def check_terminals(text: str) -> None:
    """Refuse a grammar text with a terminal whose written-out pattern would be huge.

    lark walks every path through nested terminals while it loads them, so this must come before
    lark: a look at the names in each definition, without parsing. Definitions that mention each
    other in a circle are left to lark's own error.
    """
    stripped = OPAQUE.sub(lambda found: "x" * min(len(found[0]), 8), text)
    starts = [found.start() for found in _DEFINITION.finditer(stripped)] + [len(stripped)]
    mentioned: dict[str, list[str]] = {}
    own: dict[str, int] = {}
    for found in _TERMINAL.finditer(stripped):
        body = stripped[found.end() : starts[bisect_right(starts, found.start())]]
        mentioned.setdefault(found[1], []).extend(_NAME.findall(body))
        own[found[1]] = own.get(found[1], 0) + len(body)
    sizes: dict[str, int] = {}
    for first in mentioned:
        stack = [(first, False)]
        open_names: set[str] = set()
        while stack:
            name, ready = stack.pop()
            if ready:
                open_names.discard(name)
                sizes[name] = own[name] + sum(sizes.get(used, 1) for used in mentioned[name])
                if sizes[name] > MAX_PATTERN:
                    raise LimitExceeded(
                        f"terminal `{name}` is longer than {MAX_PATTERN} characters when the "
                        "terminals inside it are written out",
                        name="max_terminal_pattern",
                        limit=MAX_PATTERN,
                    )
            elif name in mentioned and name not in sizes and name not in open_names:
                open_names.add(name)
                stack.append((name, True))
                stack.extend((used, False) for used in set(mentioned[name]))


def prepared(grammar: Grammar, start: str) -> Grammar:
    """The part of `grammar` that `start` reaches, in a form that lark compiles in linear time.

    Raises:
        GrammarSyntaxError: there is no rule `start`, or a template is misused.
        LimitExceeded: one of the limits of this module.
    """
    definitions: dict[str, _RuleDef] = {}
    for name, params, tree, options in grammar.rule_defs:
        if _depth(tree) > 4 * MAX_TREE_DEPTH:
            _check_depth(name, MAX_TREE_DEPTH + 1)
        definitions[name] = (name, tuple(params or ()), tree, options)
    if start not in definitions or definitions[start][1]:
        raise GrammarSyntaxError(
            f"the grammar has no rule `{start}` to start from",
            hint=start_hint(definitions),
        )
    normaliser = _Normaliser(definitions)
    normaliser.reach(start)
    return Grammar(normaliser.run(), grammar.term_defs, grammar.ignore)  # pyright: ignore
