"""Patterns of network addresses: URLs, e-mail, IP addresses and networks.

Each is a part of what the readers (pydantic, `ipaddress`, `email_validator`) take, in the spelling
that they give back: hosts in lower case and ASCII, no dotted segments resolved, no encoded names.
The patterns have no anchors.
"""

from __future__ import annotations

from collections.abc import Sequence

from structgen.constraints.types.digits import either, whole

_HEX = "[0-9A-Fa-f]"
_ESCAPE = f"%{_HEX}{{2}}"
_PLAIN = "A-Za-z0-9._~-"
_USER = f"(?:[!$&*+{_PLAIN}]|{_ESCAPE})+"
_PATH_CHARACTER = f"(?:[!$&'()*+,;=:@{_PLAIN}]|{_ESCAPE})"
_TAIL = f"(?:\\?(?:{_PATH_CHARACTER}|[/?])*)?(?:#(?:{_PATH_CHARACTER}|[/?])*)?"
_PATH = f"(?:/{_PATH_CHARACTER}*)*"
_PORT = f"(?::{whole(1, 65_535)})?"

OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4 = rf"(?:{OCTET}\.){{3}}{OCTET}"
_GROUP = f"{_HEX}{{1,4}}"
IPV6 = either(
    [
        f"(?:{_GROUP}:){{7}}{_GROUP}",
        f"(?:{_GROUP}:){{1,7}}:",
        f"(?:{_GROUP}:){{1,6}}:{_GROUP}",
        *(f"(?:{_GROUP}:){{1,{6 - n}}}(?::{_GROUP}){{1,{n + 1}}}" for n in range(1, 5)),
        f"{_GROUP}:(?::{_GROUP}){{1,6}}",
        f":(?:(?::{_GROUP}){{1,7}}|:)",
    ]
)

# Single hyphens: two of them mark encoded names. A last label that begins with a letter is not
# read as a number.
_LABEL = "[a-z0-9_]+(?:-[a-z0-9_]+)*"
_HOST = rf"(?:(?:{_LABEL}\.)*[a-z][a-z0-9_]*(?:-[a-z0-9_]+)*|{IPV4}|\[{IPV6}\])"
_SERVER = _HOST + _PORT
_CREDENTIALS = f"(?:{_USER}(?::{_USER})?@)?"

_SPECIAL = ("ftp", "http", "https", "ws", "wss")
"""Schemes that always name a host (WHATWG's special ones, but for `file`)."""


def url_pattern(schemes: Sequence[str] | None, *, host_required: bool = False) -> str:
    """URLs with one of `schemes` (None: any).

    Only with any scheme, and only if no host is required, there need not be one
    (``mailto:a@b.c``).
    """
    hosted = f"//{_CREDENTIALS}{_SERVER}{_PATH}{_TAIL}"
    filed = f"file://(?:{_HOST})?/{_PATH_CHARACTER}*{_PATH}{_TAIL}"
    if schemes is not None:
        options = [f"{_any_of([s for s in schemes if s != 'file'])}:{hosted}"]
        return either([*options, filed] if "file" in schemes else options)
    others = "[a-z][a-z0-9+.-]*"
    options = [f"(?!file:){others}:{hosted}"]
    if not host_required:
        special = "|".join(_SPECIAL)
        options.append(filed)
        options.append(
            f"(?!(?:{special}|file):){others}:{_PATH_CHARACTER}(?:{_PATH_CHARACTER}|/)*{_TAIL}"
        )
    return either(options)


def servers_pattern(schemes: Sequence[str] | None) -> str:
    """URLs that may name several servers, with commas between (``postgres://a,b:1/db``)."""
    several = f"//{_CREDENTIALS}{_SERVER}(?:,{_SERVER})*{_PATH}{_TAIL}"
    if schemes is None:
        return f"(?!(?:{'|'.join(_SPECIAL)}|file):)[a-z][a-z0-9+.-]*:{several}"
    options: list[str] = []
    plain = [scheme for scheme in schemes if scheme in _SPECIAL]
    if plain:
        options.append(f"{_any_of(plain)}://{_CREDENTIALS}{_SERVER}{_PATH}{_TAIL}")
    options.append(f"{_any_of([s for s in schemes if s not in (*_SPECIAL, 'file')])}:{several}")
    return either(options)


def _any_of(schemes: Sequence[str]) -> str:
    return either([scheme.replace("+", r"\+").replace(".", r"\.") for scheme in schemes])


_ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_RESERVED = ("arpa", "invalid", "local", "localhost", "onion", "test")
"""Top-level domains that no mail goes to (`email_validator`)."""
_MAIL_LABEL = "[a-z0-9]+(?:-[a-z0-9]+)*"
_LENGTHS = "(?=[^@]{1,64}@[a-z0-9.-]{4,63}(?![a-z0-9.-]))"

EMAIL = (
    rf"{_LENGTHS}{_ATOM}(?:\.{_ATOM})*@(?:{_MAIL_LABEL}\.)+"
    f"(?!(?:{'|'.join(_RESERVED)})(?![a-z]))[a-z]{{2,24}}"
)
"""RFC 5321's dot-atoms at a domain of at least two labels. A domain of 63 characters, as long as a
label may be, keeps all labels and the whole within their bounds."""

# Word characters: older versions of pydantic know no others in names.
_WORD = "[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f0-9_]{1,40}"
NAME_EMAIL = f"(?:{_WORD}(?: {_WORD}){{0,4}} <{EMAIL}>|{EMAIL})"
"""``Ada Lovelace <ada@example.org>``, or the address alone."""


def ipv4_network() -> str:
    """Networks with their prefix, whose other bits are 0."""
    options = ["0\\.0\\.0\\.0/0"]
    for position in range(4):
        before = rf"(?:{OCTET}\.){{{position}}}" if position else ""
        after = r"\.0" * (3 - position)
        for bits in range(1, 9):
            values = [str(value) for value in range(0, 256, 2 ** (8 - bits))]
            octet = OCTET if bits == 8 else either(values)
            options.append(f"{before}{octet}{after}/{8 * position + bits}")
    return either(options)


def ipv6_network() -> str:
    """Networks with their prefix, whose other bits are 0: some groups and ``::``, with a prefix
    that ends within the last group at a hexadecimal digit, or after it."""
    options = [f"::/{whole(0, 128)}", f"(?:{_GROUP}:){{7}}{_GROUP}/128"]
    for groups in range(1, 8):
        before = f"(?:{_GROUP}:){{{groups - 1}}}" if groups > 1 else ""
        options.append(f"{before}{_GROUP}::/{whole(16 * groups, 128)}")
        for digits in range(1, 4):
            kept = f"[1-9A-Fa-f]{_HEX}{{0,{digits - 1}}}0{{{4 - digits}}}"
            options.append(f"{before}(?:{kept}|0)::/{16 * (groups - 1) + 4 * digits}")
    return either(options)


IPV4_INTERFACE = f"{IPV4}(?:/{whole(0, 32)})?"
IPV6_INTERFACE = f"{IPV6}(?:/{whole(0, 128)})?"
