"""Docstrings in four styles, judged by hand and on the functions of numpy."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Annotated

import numpy as np
import pytest

pydantic = pytest.importorskip("pydantic")

from structgen.tools import Tool  # noqa: E402
from structgen.tools.docstring import read_docstring  # noqa: E402

GOOGLE = """Tell the weather.

The forecast is made up.

Args:
    city (str): name of the city,
        in English.
    unit (Literal["c", "f"], optional): unit of temperature: c or f.
    *rest: more.
    **options (dict[str, tuple(int, int)]):
        whatever else.

Returns:
    str: words.

Raises:
    ValueError: no such city.
"""

NUMPY = """Tell the weather.

The forecast is made up.

Parameters
----------
city : str
    name of the city,
    in English.
unit : {'c', 'f'}, optional
    unit of temperature: c or f.
*rest
    more.
**options : dict
    whatever else.

Returns
-------
str
    words.

Examples
--------
>>> weather("Bern")
"""

SPHINX = """Tell the weather.

The forecast is made up.

:param city: name of the city,
    in English.
:type city: str
:param str | None unit: unit of temperature: c or f.
:param rest: more.
:keyword options: whatever else.
:returns: words.
:rtype: str
:raises ValueError: no such city.
"""

EPYDOC = """Tell the weather.

The forecast is made up.

@param city: name of the city,
    in English.
@type city: str
@param unit: unit of temperature: c or f.
@param rest: more.
@keyword options: whatever else.
@return: words.
@raise ValueError: no such city.
"""

UNINDENTED = """Tell the weather.

The forecast is made up.

Args:
city: name of the city,
  in English.
unit: unit of temperature: c or f.
- rest: more.
* `options`: whatever else.
"""

NAMES = ["city", "unit", "rest", "options"]


@pytest.mark.parametrize("doc", [GOOGLE, NUMPY, SPHINX, EPYDOC, UNINDENTED])
def test_styles_say_the_same(doc: str) -> None:
    description, told = read_docstring(doc.strip(), NAMES)
    assert description == "Tell the weather.\n\nThe forecast is made up."
    assert told == {
        "city": "name of the city, in English.",
        "unit": "unit of temperature: c or f.",
        "rest": "more.",
        "options": "whatever else.",
    }


@pytest.mark.parametrize(
    ("doc", "description", "told"),
    [
        ("", "", {}),
        ("One line.", "One line.", {}),
        ("Add x, y.\n\nArgs:\n    x, y: numbers.", "Add x, y.", {"x": "numbers.", "y": "numbers."}),
        # Not every colon makes an entry, and not every entry is a parameter.
        ("Note: x: no.\n\nSteps:\n    x: y", "Note: x: no.\n\nSteps:\n    x: y", {}),
        ("D.\n\nArgs:\n    x: see\n        y: there.\n    z: gone.", "D.", {"x": "see y: there."}),
        # What follows a section belongs to the description again.
        ("A.\n\nArgs:\n    x: one.\n\nB.", "A.\n\nB.", {"x": "one."}),
        ("A.\n\n:param x: one.\n\nB.", "A.\n\nB.", {"x": "one."}),
        ("A.\n\nReturns:\n    b\n\nArgs:\n    x: one.", "A.", {"x": "one."}),
        # Styles mixed, and a first word that counts.
        ("A.\n\nArgs:\n    x: one.\n\n:param y: two.", "A.", {"x": "one.", "y": "two."}),
        ("A.\n\nArgs:\n    x: one.\n\n:param x: two.", "A.", {"x": "one."}),
        (":param x:\n    one\n\n    and more.", "", {"x": "one  and more."}),
        ("Use http://x and a: b.\n@ home.", "Use http://x and a: b.\n@ home.", {}),
    ],
)
def test_by_hand(doc: str, description: str, told: dict[str, str]) -> None:
    assert read_docstring(doc, ["x", "y"]) == (description, told)


def _documented() -> list[tuple[Callable[..., object], list[str]]]:
    found: list[tuple[Callable[..., object], list[str]]] = []
    for value in vars(np).values():
        doc = inspect.getdoc(value) if callable(value) else None
        if doc and "\nParameters\n-------" in doc:
            try:
                names = list(inspect.signature(value).parameters)
            except (ValueError, TypeError):
                continue
            found.append((value, names))
    return found


def test_numpy_is_read() -> None:
    """Against a reading of another kind: lines without indentation in the one section."""
    functions = _documented()
    assert len(functions) > 150
    for function, names in functions:
        doc = inspect.getdoc(function) or ""
        description, told = read_docstring(doc, names)
        assert not re.search(r"^(Parameters|Returns)\n-+$", description, re.M)
        section = re.split(r"\nParameters\n-+\n", doc)[1]
        section = re.split(r"\n[A-Z][A-Za-z ]+\n-{3,}\n", section)[0]
        listed = re.findall(r"^([\w*, ]+?)(?: ?:.*)?\n    +\S", section, re.M)
        for entry in listed:
            for name in (one.strip().lstrip("*") for one in entry.split(",")):
                if name in names:
                    assert told.get(name), (function, name)


def test_hints_in_types_come_first() -> None:
    def f(
        a: Annotated[int, "words of the type"],
        b: Annotated[int, pydantic.Field(description="words of pydantic")],
        c: int,
    ) -> None:
        """F.

        Args:
            a: no.
            b: no.
            c: words of the docstring.
        """

    parameters = Tool.from_function(f).definition()["function"]["parameters"]  # type: ignore[index]
    assert [one["description"] for one in parameters["properties"].values()] == [
        "words of the type",
        "words of pydantic",
        "words of the docstring.",
    ]
