"""What Python types say of their JSON texts, as JSON Schemas with patterns.

`structgen.constraints.python_types` is the door to this room; nothing here is needed by those who
use types. The files, from the ground up:

- patterns without a schema: `digits` (ranges of numbers), `multiples`, `moments` (dates, times,
  durations), `addresses` (URLs, mail, IP), `texts` (kinds of characters, encodings), `embedded`
  (JSON in a string), `dialects` (regular expressions of pydantic's engines in ECMA-262's words);
- schemas: `scalars` (single values), `distinct` (sets), `keys` (of dicts), `demands`
  (``Annotated`` without pydantic), `pydantic_schema` and `pydantic_functions` (core schemas);
- words: `notes` (checks that no schema says), `refusals`, `shown` (what a model is told).

Every pattern describes a part of what the type's reader takes, never more. What a type checks and
no pattern says is noted, and ends in the report of the constraint.

    >>> from decimal import Decimal
    >>> from structgen.constraints.types.digits import decimals
    >>> import re
    >>> pattern = decimals(Decimal("0.05"), Decimal(10), high_open=True)
    >>> [bool(re.match(pattern, text)) for text in ("0.05", "0.049", "9.999", "10")]
    [True, False, True, False]
"""
