"""What ``tool_choice`` may say, in the forms in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, cast

from structgen.errors import ConstraintError

Mode = Literal["auto", "required", "none"]
ToolChoice = Mode | str | Mapping[str, object]
"""``"auto"``: prose, or calls; ``"required"``: calls alone; ``"none"``: prose without a call; a
tool's name, or ``{"type": "function", "function": {"name": ...}}``: calls of that tool;
``{"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": ...}, ...]}``:
`mode`, with calls of those tools alone (the model is told of all)."""

_MODES: tuple[Mode, ...] = ("auto", "required", "none")


def resolve_choice(choice: ToolChoice, names: Sequence[str]) -> tuple[Mode, tuple[str, ...]]:
    """The mode, and which of the tools called `names` may be called.

    Raises:
        ConstraintError: `choice` is no choice, or names a tool that is not there.
    """
    if isinstance(choice, str):
        if choice in _MODES:
            return choice, tuple(names)
        return "required", (_known(choice, names),)
    if not isinstance(cast("object", choice), Mapping):
        raise _unknown(choice, names)
    if choice.get("type") != "allowed_tools":
        return "required", (_known(_name_in(choice), names),)
    # OpenAI's two interfaces differ: one has a member of that name around the others.
    inner = choice.get("allowed_tools", choice)
    members = cast("Mapping[str, object]", inner if isinstance(inner, Mapping) else {})
    mode, listed = members.get("mode", "auto"), members.get("tools")
    if mode not in ("auto", "required") or not isinstance(listed, Sequence) or not listed:
        raise ConstraintError(
            "`tool_choice` of type 'allowed_tools' needs a `mode`, 'auto' or 'required', and "
            "`tools`, at least one",
            hint='{"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", '
            '"name": "add"}]}',
        )
    allowed = {_known(_name_in(one), names) for one in cast("Sequence[object]", listed)}
    return cast("Mode", mode), tuple(name for name in names if name in allowed)


def _name_in(given: object) -> object:
    if not isinstance(given, Mapping):
        return given
    named = cast("Mapping[str, object]", given)
    inner = named.get("function", named)
    return cast("Mapping[str, object]", inner).get("name") if isinstance(inner, Mapping) else None


def _known(name: object, names: Sequence[str]) -> str:
    if not isinstance(name, str) or name not in names:
        raise _unknown(name, names)
    return name


def _unknown(name: object, names: Sequence[str]) -> ConstraintError:
    return ConstraintError(
        f"`tool_choice` names no tool: {name!r:.80}",
        hint=f"'auto', 'required', 'none' or one of {', '.join(names)}",
    )
