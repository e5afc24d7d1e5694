"""Documents, the resources in them, and references between all of these."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from tests.json_schema.fuzzing.places import DRAFTS, children, pointer

HOST = "http://fuzz.test/"
NAMES = ["node", "item", "leaf", "tree", "a/b", "x~y", "p%q", "é", "with space", "0", "properties"]

Path = tuple[str | int, ...]


@dataclass(eq=False)
class Resource:
    """A document, or a schema embedded in one under an identifier of its own."""

    uri: str
    """Empty for a document without a name."""
    written: str | None
    """What its identifier keyword says, if it has one."""
    keyword: str
    embedded: bool = False
    root: Any = None
    definitions: dict[str, Any] | None = None
    names_wanted: bool = False
    anchors: dict[str, Any] = field(default_factory=dict[str, Any])

    def new_name(self, dice: random.Random) -> str:
        free = [name for name in NAMES if name not in (self.definitions or {})]
        return dice.choice(free)

    def take(self, root: Any) -> Any:
        self.root = root
        return root


@dataclass(eq=False)
class _Pending:
    holder: dict[str, Any]
    keyword: str
    resource: Resource
    in_place: bool


class Documents:
    """The documents of one case, and the references that are still to be aimed."""

    def __init__(self, dice: random.Random, draft: str) -> None:
        self.dice = dice
        self.draft = draft
        self.level = DRAFTS.index(draft)
        self.id_keyword = "id" if draft == "draft4" else "$id"
        self.definitions = "definitions"
        if self.level > 2 and dice.random() < 0.8:
            self.definitions = "$defs"
        named = dice.random() < 0.5
        uri = HOST + dice.choice(["root.json", "dir/root.json"])
        self.main = Resource(uri if named else "", uri if named else None, self.id_keyword)
        self.others: list[Resource] = []
        self.embedded: list[Resource] = []
        self.wanted = 0
        self.dynamic = self.level > 2 and dice.random() < 0.15
        self.cyclic = dice.random() < 0.02
        self.pending: list[_Pending] = []
        self.targets: dict[int, Any] = {}

    # -- while schemas are made -----------------------------------------------------------

    def open_next(self) -> Resource:
        self.wanted -= 1
        uri = f"{HOST}{self.dice.choice(['', 'dir/'])}other{len(self.others)}.json"
        written = uri if self.dice.random() < 0.5 else None
        resource = Resource(uri, written, self.id_keyword)
        self.others.append(resource)
        return resource

    def embed(self, around: Resource) -> Resource:
        number = len(self.embedded)
        name = f"item{number}.json"
        if around.uri and self.dice.random() < 0.6:
            uri = around.uri.rpartition("/")[0] + "/" + name
            written = name
        else:
            uri = written = self.dice.choice([HOST + name, f"urn:fuzz:item{number}"])
        inner = Resource(uri, written, self.id_keyword, embedded=True)
        self.embedded.append(inner)
        return inner

    def anchored(self, resource: Resource, schema: Any) -> Any:
        if not isinstance(schema, dict) or self.dice.random() > 0.25:
            return schema
        if self.level <= 2 and "$ref" in schema:
            return schema
        name = f"anchor{len(resource.anchors)}"
        if self.level <= 2:
            schema[self.id_keyword] = "#" + name
        else:
            schema["$anchor"] = name
        resource.anchors[name] = schema
        return schema

    def reference(self, resource: Resource, in_place: bool) -> dict[str, Any]:
        keyword = "$ref"
        if self.dynamic and not in_place and self.dice.random() < 0.5:
            keyword = "$dynamicRef" if self.level == 4 else "$recursiveRef"
        if self.dice.random() < (0.5 if self.dynamic else 0.12):
            self.wanted += 1
        resource.names_wanted = True
        holder: dict[str, Any] = {keyword: "#"}
        self.pending.append(_Pending(holder, keyword, resource, in_place))
        return holder

    def declare(self, root: dict[str, Any], uri: str) -> dict[str, Any]:
        _put_first(root, "$schema", uri)
        return root

    # -- afterwards -----------------------------------------------------------------------

    def settle(self) -> None:
        for resource in (self.main, *self.others):
            self._identify(resource)
        resources = [self.main, *self.embedded, *self.others]
        if self.dynamic:
            self._place_dynamic_anchors(resources)
        reachable = [each for each in resources if each.root is not None]
        for pending in self.pending:
            self._aim(pending, reachable)

    def _identify(self, resource: Resource) -> None:
        root = resource.root
        hidden = not isinstance(root, dict) or (self.level <= 2 and "$ref" in root)
        if hidden:
            resource.written = None
            if resource is self.main:
                resource.uri = ""
        elif resource.written is not None:
            _put_first(root, resource.keyword, resource.written)

    def _place_dynamic_anchors(self, resources: list[Resource]) -> None:
        for resource in resources:
            root = resource.root
            if not isinstance(root, dict) or self.dice.random() < 0.25:
                continue
            if self.level == 3:
                root["$recursiveAnchor"] = self.dice.random() < 0.8
                continue
            named = list((resource.definitions or {}).values())
            owners = [each for each in (root, *named) if isinstance(each, dict)]
            roots = [each.root for each in self.embedded if each is not resource]
            owners = [each for each in owners if not any(each is other for other in roots)]
            owner = self.dice.choice(owners)
            owner["$dynamicAnchor"] = "node"
            resource.anchors["node"] = owner

    def _aim(self, pending: _Pending, resources: list[Resource]) -> None:
        holder, home = pending.holder, pending.resource
        if pending.keyword == "$recursiveRef":
            self.targets[id(holder)] = home.root
            return
        if pending.keyword == "$dynamicRef":
            able = [each for each in resources if "node" in each.anchors]
            able = [each for each in able if each.uri or each is home]
            if able:
                target = (
                    home if home in able and self.dice.random() < 0.8 else (self.dice.choice(able))
                )
                holder["$dynamicRef"] = self._uri(home, target) + "#node"
                self.targets[id(holder)] = target.anchors["node"]
                return
            _rename(holder, "$dynamicRef", "$ref")
        for _ in range(6):
            written, schema = self._choose(home, resources)
            if self.cyclic or not self._reaches(schema, holder):
                holder["$ref"] = written
                self.targets[id(holder)] = schema
                return
        del holder["$ref"]
        holder["type"] = "integer"

    def _choose(self, home: Resource, resources: list[Resource]) -> tuple[str, Any]:
        """A reference and what it refers to."""
        dice = self.dice
        target = home
        others = [each for each in resources if each is not home and each.uri]
        if others and dice.random() < 0.35:
            target = dice.choice(others)
        uri = self._uri(home, target)
        roll = dice.random()
        if roll < 0.15 and target.anchors:
            name = dice.choice(list(target.anchors))
            return f"{uri}#{name}", target.anchors[name]
        if roll < 0.7 and target.definitions:
            name = dice.choice(list(target.definitions))
            schema = target.definitions[name]
            if not self._is_resource(schema):
                return f"{uri}#{pointer((self.definitions, name))}", schema
        if roll < 0.85:
            places = list(self._places(target))
            if places:
                path, schema = dice.choice(places)
                return f"{uri}#{pointer(path)}", schema
        return uri if uri and dice.random() < 0.7 else uri + "#", target.root

    def _uri(self, home: Resource, target: Resource) -> str:
        if target is home and (not home.uri or self.dice.random() < 0.8):
            return ""
        here, there = home.uri.rpartition("/")[0], target.uri.rpartition("/")
        if home.uri.startswith(HOST) and target.uri.startswith(HOST):
            if here == there[0] and self.dice.random() < 0.5:
                return there[2]
            if self.dice.random() < 0.3:
                return "/" + target.uri.removeprefix(HOST)
        return target.uri

    def _is_resource(self, schema: Any) -> bool:
        return any(schema is each.root for each in self.embedded)

    def _places(self, resource: Resource) -> list[tuple[Path, Any]]:
        """The schemas of a resource that a pointer from its root leads to."""
        found: list[tuple[Path, Any]] = []
        stack: list[tuple[Path, Any]] = [((), resource.root)]
        while stack:
            path, here = stack.pop()
            if path and (self.level > 0 or isinstance(here, dict)):
                found.append((path, here))
            if isinstance(here, dict) and self.level <= 2 and "$ref" in here:
                continue
            stack += [
                (path + child.path, child.schema)
                for child in children(here, self.draft)
                if not self._is_resource(child.schema)
            ]
        return found

    def _reaches(self, start: Any, goal: dict[str, Any]) -> bool:
        """Whether `goal` applies to the same value as `start`."""
        stack, seen = [start], set[int]()
        while stack:
            here = stack.pop()
            if not isinstance(here, dict) or id(here) in seen:
                continue
            if here is goal:
                return True
            seen.add(id(here))
            if id(here) in self.targets:
                stack.append(self.targets[id(here)])
                if self.level <= 2 and "$ref" in here:
                    continue
            stack += [child.schema for child in children(here, self.draft) if child.in_place]
        return False

    def registry(self) -> dict[str, Any]:
        return {resource.uri: resource.root for resource in self.others}


def _put_first(schema: dict[str, Any], name: str, value: str) -> None:
    items = [item for item in schema.items() if item[0] != name]
    schema.clear()
    schema[name] = value
    schema.update(items)


def _rename(schema: dict[str, Any], old: str, new: str) -> None:
    items = [(new if name == old else name, value) for name, value in schema.items()]
    schema.clear()
    schema.update(items)
