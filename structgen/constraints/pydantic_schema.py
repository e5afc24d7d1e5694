"""How structgen lets pydantic write JSON Schemas: closed records, plain decimals."""

from __future__ import annotations

import datetime
from functools import cache
from typing import Any

from structgen.constraints.plain_types import (
    DECIMAL_PATTERN,
    needs_several_elements,
    time_schema,
)

_Json = dict[str, Any]


@cache
def schema_generator() -> type[Any]:
    """The subclass of `pydantic.json_schema.GenerateJsonSchema` (pydantic is imported here)."""
    from pydantic.json_schema import GenerateJsonSchema

    class _Generator(GenerateJsonSchema):
        """Writes what a model should produce, which is narrower than what validation takes."""

        def model_schema(self, schema: Any) -> _Json:
            return _closed(super().model_schema(schema))

        def dataclass_schema(self, schema: Any) -> _Json:
            return _closed(super().dataclass_schema(schema))

        def typed_dict_schema(self, schema: Any) -> _Json:
            return _closed(super().typed_dict_schema(schema))

        def decimal_schema(self, schema: Any) -> _Json:
            return {"type": "string", "pattern": DECIMAL_PATTERN}

        def date_schema(self, schema: Any) -> _Json:
            return time_schema(datetime.date)

        def datetime_schema(self, schema: Any) -> _Json:
            return time_schema(datetime.datetime)

        def timedelta_schema(self, schema: Any) -> _Json:
            return time_schema(datetime.timedelta)

        def set_schema(self, schema: Any) -> _Json:
            return needs_several_elements(super().set_schema(schema))

        def frozenset_schema(self, schema: Any) -> _Json:
            return needs_several_elements(super().frozenset_schema(schema))

        def default_schema(self, schema: Any) -> _Json:
            # A default says nothing about the text, and may have no JSON form.
            return self.generate_inner(schema["schema"])

    return _Generator


def _closed(schema: _Json) -> _Json:
    """A record is closed unless its type says otherwise (``extra="allow"``)."""
    if schema.get("type") == "object" and "properties" in schema:
        schema.setdefault("additionalProperties", False)
    return schema
