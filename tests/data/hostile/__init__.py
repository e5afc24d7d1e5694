"""Hostile inputs of any size, made by rule: `inputs` lists them all.

Where `tests.data.attacks` holds sources that somebody thought of one by one, each family here is
a function of a size and a seed, so that a phase that is quadratic, or that never looks at its
budget, shows at one of the sizes.
"""

from __future__ import annotations

from tests.data.hostile import grammars, schemas, values
from tests.data.hostile.families import SIZES, Family, Hostile

FAMILIES: tuple[Family, ...] = (*schemas.FAMILIES, *grammars.FAMILIES, *values.FAMILIES)


def inputs(sizes: tuple[int, ...] = SIZES) -> list[Hostile]:
    """Every family at every size that it has, in a fixed order."""
    return [
        Hostile(family=family, size=size)
        for family in FAMILIES
        for size in sizes
        if size <= family.largest
    ]
