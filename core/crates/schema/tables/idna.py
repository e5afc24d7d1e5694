"""Writes `src/format/idna/tables.rs`: what IDNA2008 asks of Unicode, as ranges of code points.

    python tables/idna.py > src/format/idna/tables.rs && rustfmt src/format/idna/tables.rs

Everything is derived from `unicodedata` by the rules of RFC 5892 (the class of a code point),
RFC 5893 (directions) and UAX 15 (what composes with what), so the tables are those of the
Unicode version of the Python that runs this; code points assigned later are refused.
"""

from __future__ import annotations

import sys
import unicodedata as ucd
from collections.abc import Iterable

EXCEPTIONS = {
    **dict.fromkeys([0x00DF, 0x03C2, 0x06FD, 0x06FE, 0x0F0B, 0x3007], "PVALID"),
    **dict.fromkeys([0x00B7, 0x0375, 0x05F3, 0x05F4, 0x30FB], "CONTEXT"),
    **dict.fromkeys([*range(0x0660, 0x066A), *range(0x06F0, 0x06FA)], "CONTEXT"),
    **dict.fromkeys(
        [0x0640, 0x07FA, 0x302E, 0x302F, 0x3031, 0x3032, 0x3033, 0x3034, 0x3035, 0x303B],
        "DISALLOWED",
    ),
}
OLD_HANGUL_JAMO = [(0x1100, 0x11FF), (0xA960, 0xA97F), (0xD7B0, 0xD7FF)]
IGNORABLE_BLOCKS = [(0x20D0, 0x20FF), (0x1D100, 0x1D1FF), (0x1D200, 0x1D24F)]
# Default_Ignorable_Code_Point, which `unicodedata` does not have.
IGNORABLE = [
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
]  # fmt: skip


def within(code: int, ranges: list[tuple[int, int]]) -> bool:
    return any(first <= code <= last for first, last in ranges)


def idna_class(code: int) -> str:
    """RFC 5892 section 3, in its order."""
    c = chr(code)
    if code in EXCEPTIONS:
        return EXCEPTIONS[code]
    category = ucd.category(c)
    if category in {"Cn", "Cs"}:
        return "UNASSIGNED"
    if code == 0x2D or 0x30 <= code <= 0x39 or 0x61 <= code <= 0x7A:
        return "PVALID"
    if code in {0x200C, 0x200D}:
        return "CONTEXT"
    folded = ucd.normalize("NFKC", ucd.normalize("NFKC", c).casefold())
    if folded != c or c.isspace() or within(code, IGNORABLE) or within(code, IGNORABLE_BLOCKS):
        return "DISALLOWED"
    if within(code, OLD_HANGUL_JAMO):
        return "DISALLOWED"
    return "PVALID" if category in {"Ll", "Lu", "Lo", "Nd", "Lm", "Mn", "Mc"} else "DISALLOWED"


def ranges_of(codes: Iterable[int]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for code in sorted(codes):
        if out and out[-1][1] + 1 == code:
            out[-1] = (out[-1][0], code)
        else:
            out.append((code, code))
    return out


def table(name: str, text: str, codes: Iterable[int]) -> None:
    print(f"\n/// {text}\npub(super) const {name}: &[(u32, u32)] = &[")
    print(",".join(f"(0x{first:X}, 0x{last:X})" for first, last in ranges_of(codes)))
    print("];")


# The length of A-labels (RFC 3492): an upper bound of 4 + basic + digits over all labels of n
# characters whose characters beyond ASCII are in one block, by dynamic programming over the
# number of characters handled, what is left of the block, and the bias.


def adapt(delta: int, count: int, *, first: bool) -> int:
    delta = delta // 700 if first else delta // 2
    delta += delta // count
    k = 0
    while delta > 455:
        delta //= 35
        k += 36
    return k + 36 * delta // (delta + 38)


def digits(value: int, bias: int) -> int:
    count, k = 1, 36
    while value >= (threshold := min(max(k - bias, 1), 26)):
        value = (value - threshold) // (36 - threshold)
        count += 1
        k += 36
    return count


BIASES = range(240)


def longest(first: int, last: int, count: int, unit: int) -> int:
    """The bound for labels of `count` characters; what is left is counted in `unit`s."""
    import numpy as np

    size = (last - first) // unit + 1
    rest = np.zeros((size + 1, len(BIASES)), dtype=np.int32)
    costs: dict[int, object] = {}

    def total(basic: int) -> int:
        least = max(0, (first - 0x80) * (basic + 1) - basic)
        most = (last - 0x80) * (basic + 1) + basic
        after = [adapt(value, basic + 1, first=True) for value in (least, most)]
        seen = [adapt(v, basic + 1, first=True) for v in range(least, most, max(1, most // 999))]
        low, high = min(after + seen), max(after + seen)
        return 4 + basic + (basic > 0) + digits(most, 72) + int(rest[size, low : high + 1].max())

    best = total(count - 1)
    for handled in range(count - 1, 0, -1):
        groups: dict[tuple[int, int], int] = {}
        span = (last - first + 1) * (handled + 1) + handled
        # Beyond the small ones, deltas are taken in steps, each for all up to the next.
        value = 0
        while value <= span:
            used = max(0, -(-(value - handled) // (handled + 1))) // unit
            step = max(1, value // 512)
            for end in (value, value + step - 1):
                key = (used, adapt(end, handled + 1, first=False))
                groups[key] = max(groups.get(key, 0), value + step - 1)
            value += step
        fresh = np.zeros_like(rest)
        for (used, bias), delta in groups.items():
            if used > size:
                continue
            if delta not in costs:
                costs[delta] = np.array([digits(delta, b) for b in BIASES])
            found = rest[: size + 1 - used, bias][:, None] + costs[delta][None, :]
            np.maximum(fresh[used:], found, out=fresh[used:])
        rest = fresh
        best = max(best, total(handled - 1))
    return best


def most_characters(first: int, last: int) -> int:
    unit = max(1, (last - first) // 300)
    count = 5
    while longest(first, last, count + 1, unit) <= 63:
        count += 1
    return count


BLOCKS = [
    (0xDF, 0x17F), (0x180, 0x2AF), (0x375, 0x3FF), (0x430, 0x45F), (0x460, 0x52F), (0x559, 0x589),
    (0x591, 0x5F4), (0x610, 0x6FF), (0x700, 0x7FF), *[(n, n + 0x7F) for n in range(0x900, 0x1000, 0x80)],
    (0x1000, 0x10FF), (0x1200, 0x139F), (0x1780, 0x17FF), (0x1E00, 0x1EFF), (0x3041, 0x30FF),
    (0x3005, 0x9FFF), (0xAC00, 0xD7A3),
]  # fmt: skip


def main() -> None:
    classes = {code: idna_class(code) for code in range(sys.maxunicode + 1)}
    valid = {code for code, found in classes.items() if found == "PVALID"}
    usable = valid | {code for code, found in classes.items() if found == "CONTEXT"}
    print(f"//! Unicode {ucd.unidata_version}, as `tables/idna.py` derives it. Do not edit.")
    table("USABLE", "PVALID, CONTEXTJ and CONTEXTO of RFC 5892.", usable)
    for name, text, kinds in [
        ("RIGHT_TO_LEFT", "Bidi classes R and AL, of usable code points.", {"R", "AL"}),
        ("ARABIC_NUMBERS", "Bidi class AN.", {"AN"}),
        ("EUROPEAN_NUMBERS", "Bidi class EN.", {"EN"}),
        ("NONSPACING", "Bidi class NSM.", {"NSM"}),
        ("NEUTRAL", "Bidi classes ES, CS, ET, ON, BN.", {"ES", "CS", "ET", "ON", "BN"}),
    ]:
        table(name, text, [code for code in usable if ucd.bidirectional(chr(code)) in kinds])
    bidi = {"L", "R", "AL", "AN", "EN", "NSM", "ES", "CS", "ET", "ON", "BN"}
    strange = [hex(c) for c in usable if ucd.bidirectional(chr(c)) not in bidi]
    assert not strange, strange
    # Joining types, as far as the presentation forms tell them.
    forms: dict[int, set[str]] = {}
    for code in range(0xFB50, 0xFF00):
        decomposition = ucd.decomposition(chr(code)).split()
        if len(decomposition) == 2 and decomposition[0].startswith("<"):
            forms.setdefault(int(decomposition[1], 16), set()).add(decomposition[0])
    dual = [code for code, kinds in forms.items() if "<medial>" in kinds and code in valid]
    right = [
        code
        for code, kinds in forms.items()
        if "<final>" in kinds and "<medial>" not in kinds and code in valid
    ]
    table("DUAL_JOINING", "Letters that join on both sides (Joining_Type=D), a part.", dual)
    table("RIGHT_JOINING", "Letters that join on the right (Joining_Type=R), a part.", right)
    viramas = [code for code in valid if ucd.combining(chr(code)) == 9]
    table("VIRAMA", "Canonical combining class 9.", viramas)
    pairs = []
    for code in range(sys.maxunicode + 1):
        parts = ucd.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            a, b = (int(part, 16) for part in parts)
            if {a, b} <= valid and ucd.normalize("NFC", chr(a) + chr(b)) == chr(code):
                pairs.append((a, b))
    table("COMPOSED_WITH", "What composes with a code point after it.", [a for a, _ in pairs])
    table("COMPOSES", "What composes with a code point before it.", [b for _, b in pairs])
    print("\n/// Canonical combining classes beside 0, of usable code points.")
    print("pub(super) const COMBINING: &[(u8, &[(u32, u32)])] = &[")
    orders = sorted({ucd.combining(chr(code)) for code in usable} - {0})
    for order in orders:
        members = ranges_of(code for code in usable if ucd.combining(chr(code)) == order)
        listed = ",".join(f"(0x{first:X}, 0x{last:X})" for first, last in members)
        print(f"({order}, &[{listed}]),")
    print("];")
    print("\n/// Blocks, and how many characters of one (and of ASCII) an A-label surely holds.")
    print("pub(super) const BLOCKS: &[(u32, u32, u32)] = &[")
    for first, last in BLOCKS:
        print(f"(0x{first:X}, 0x{last:X}, {most_characters(first, last)}),")
    print("];")
    print("\n/// The same for characters of any block.")
    print(f"pub(super) const MIXED: u32 = {most_characters(0x80, 0x10FFFF)};")


if __name__ == "__main__":
    main()
