"""What `jsonschema`, which shares no code with any engine here, makes of an instance."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import jsonschema


def errors(schema: Any, instance: Any) -> list[str]:
    """Why an instance is not valid, by the draft of `$schema`, formats asserted; empty if it is."""
    return text_errors(schema, json.dumps(instance))


def text_errors(schema: Any, text: str) -> list[str]:
    """The same for an instance as it is written.

    Numbers are judged as decimals: as floats, 10000.89 is no multiple of 0.01. Whole ones are
    given as ints, which `jsonschema` takes for integers, except in draft 4, where 1.0 is none.
    """
    validator = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
    whole = validator is not jsonschema.Draft4Validator

    def number(spelled: str) -> Decimal | int:
        value = Decimal(spelled)
        small = whole and abs(value) < 10**400
        return int(value) if small and value == value.to_integral_value() else value

    schema, instance = _decimals(schema), json.loads(text, parse_float=number)
    judge = validator(schema, format_checker=validator.FORMAT_CHECKER)
    return [error.message[:200] for error in judge.iter_errors(instance)]


def _decimals(value: Any) -> Any:
    """`value` with decimals for floats."""
    return json.loads(json.dumps(value), parse_float=Decimal)


def second_opinion(schema: Any, instance: Any) -> bool | str:
    """Whether the instance is valid; or why that cannot be said."""
    try:
        return not errors(schema, instance)
    except Exception as error:  # a reference that cannot be resolved, a pattern that `re` refuses
        return f"{type(error).__name__}: {error}"[:200]
