"""The published metaschemas, for schemas that refer to them.

They come from the package `jsonschema-specifications`, which holds them as files: nothing is
ever fetched. It is imported when a reference asks for it, and is an extra, since hardly a schema
for documents refers to the schema of schemas.
"""

from __future__ import annotations

from typing import cast

from structgen.errors import MissingExtraError

_FAMILIES = (
    "http://json-schema.org/draft-04/",
    "http://json-schema.org/draft-06/",
    "http://json-schema.org/draft-07/",
    "https://json-schema.org/draft/2019-09/",
    "https://json-schema.org/draft/2020-12/",
)


def published(uri: str) -> dict[str, object] | None:
    """The metaschema at `uri` and those that it refers to, by URI; None if it is none of them.

    Raises:
        MissingExtraError: `uri` is that of a metaschema, and the package is not installed.
    """
    family = next((family for family in _FAMILIES if uri.startswith(family)), None)
    if family is None:
        return None
    try:
        from jsonschema_specifications import REGISTRY
    except ImportError as error:
        package = "jsonschema-specifications"
        raise MissingExtraError.of(error, package, extra="metaschemas") from None
    found = {
        str(name).rstrip("#"): cast("object", REGISTRY.contents(name))
        for name in REGISTRY
        if name.startswith(family)
    }
    return found if uri in found else None
