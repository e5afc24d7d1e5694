"""Each format against judges that share no code with it: `jsonschema`'s checkers and the parsers
of the standard library, on strings made by the automaton, written by hand, and mutated from both.

Where a judge is laxer or stricter than the RFC, the reason stands beside it as a predicate on the
string: a disagreement without a reason fails.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

import pytest

from structgen.constraints import TextConstraint, json_schema

jsonschema = pytest.importorskip("jsonschema")
exceptions = pytest.importorskip("jsonschema.exceptions")
CHECKER = jsonschema.Draft202012Validator.FORMAT_CHECKER

SAMPLES = 60
MUTATIONS = 900

Judge = Callable[[str], bool]


def never(_text: str) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Case:
    """A format, an independent judge of it, and what explains where they differ.

    `laxer` holds of strings that the judge lets through though the RFC, or our part of it,
    does not have them; `stricter` of strings that it refuses though the RFC has them.
    """

    format: str
    judge: Judge
    seeds: Sequence[str]
    alphabet: str
    laxer: Judge = never
    stricter: Judge = never


def checker(name: str) -> Judge:
    def judge(text: str) -> bool:
        if name not in CHECKER.checkers:
            pytest.skip(f"no checker of {name}: install jsonschema[format]")
        try:
            CHECKER.check(text, name)
        except exceptions.FormatError:
            return False
        return True

    return judge


def holds(parse: Callable[[str], object]) -> Judge:
    def judge(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return judge


def is_date(text: str) -> bool:
    shape = re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text)
    return bool(shape) and holds(date.fromisoformat)(text)


def is_time(text: str) -> bool:
    """RFC 3339 by arithmetic on minutes."""
    shape = re.fullmatch(
        r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))", text
    )
    if not shape:
        return False
    hour, minute, second = (int(part) for part in shape.group(1, 2, 3))
    offset = 0
    if shape[4]:
        ahead = int(shape[5]) * 60 + int(shape[6])
        if int(shape[5]) > 23 or int(shape[6]) > 59:
            return False
        offset = ahead if shape[4] == "+" else -ahead
    leap = second == 60 and (hour * 60 + minute - offset) % 1440 == 23 * 60 + 59
    return hour < 24 and minute < 60 and (second < 60 or leap)


def is_date_time(text: str) -> bool:
    return text[10:11] in {"T", "t"} and is_date(text[:10]) and is_time(text[11:])


def is_ipv6(text: str) -> bool:
    return "%" not in text and holds(IPv6Address)(text)


def is_uuid(text: str) -> bool:
    return (
        text.isascii()
        and len(text) == 36
        and all(text[place] == "-" for place in (8, 13, 18, 23))
        and text.count("-") == 4
        and not set(text) - set("0123456789abcdefABCDEF-")
        and holds(UUID)(text)
    )


def is_json_pointer(text: str) -> bool:
    return (not text or text.startswith("/")) and not re.search(r"~(?![01])", text)


def is_relative_json_pointer(text: str) -> bool:
    digits = re.match(r"0|[1-9][0-9]*", text)
    if not digits or not digits[0].isascii():
        return False
    rest = text[digits.end() :]
    return rest == "#" or is_json_pointer(rest)


def encoded(text: str) -> bool:
    """Hyphens in the third and fourth place of a label: an A-label, which we refuse."""
    return any(label[2:4] == "--" for label in re.split("[.\u3002\uff0e\uff61]", text))


def labels(text: str) -> list[str]:
    return re.split("[.\u3002\uff0e\uff61]", text)


def beyond_our_idna(text: str) -> bool:
    """What `idna` has and we do not: see the module `format::idna` of the core."""
    return (
        encoded(text)
        # A trailing dot is the root; RFC 1123 names have none.
        or text.endswith((".", "\u3002", "\uff0e", "\uff61"))
        # Long labels, by an upper bound.
        or any(len(label) > 10 and not label.isascii() for label in labels(text))
        or (len(text) > 40 and not text.isascii())
        # Marks after letters that compose with other marks.
        or any(unicodedata.category(c).startswith("M") for c in text)
        # Letters that Unicode got after the version of our tables.
        or any(unicodedata.category(c) == "Cn" for c in text)
        # Joining types beyond Arabic.
        or "\u200c" in text
    )


def by_email_grammar(text: str) -> bool:
    """RFC 5321, with RFC 6531's characters, by hand."""
    local, at, domain = text.rpartition("@")
    if not at:
        return False
    atom = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
    quoted = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
    if not re.fullmatch(rf"{atom}(?:\.{atom})*|{quoted}", local):
        return False
    if domain.startswith("[IPv6:") and domain.endswith("]"):
        return is_ipv6(domain[6:-1])
    if domain.startswith("[") and domain.endswith("]"):
        return holds(IPv4Address)(domain[1:-1])
    label = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
    return all(re.fullmatch(label, part) and len(part) < 64 for part in domain.split("."))


def literals_only(text: str) -> bool:
    """RFC 6570 section 2.1."""
    ascii_part = re.sub(r"%[0-9A-Fa-f]{2}|[!#$&(-;=?-\[\]_a-z~]", "", text)
    return all(
        0xA0 <= ord(c) <= 0xD7FF
        or 0xF900 <= ord(c) <= 0xFDCF
        or 0xFDF0 <= ord(c) <= 0xFFEF
        or (0x10000 <= ord(c) < 0xF0000 and ord(c) & 0xFFFE != 0xFFFE)
        for c in ascii_part
    )


URI_ALPHABET = "ab1:/?#[]@!$&'()*+,;=%20.-_~ \\<>é"

CASES = [
    Case(format="date", judge=is_date, seeds=["2024-02-29", "1999-12-31", "0001-01-01"],
         alphabet="0123456789-T"),
    Case(format="time", judge=is_time, seeds=["23:59:60Z", "01:29:60+01:30", "08:30:06.25-08:00"],
         alphabet="0123456789:.+-Zz"),
    Case(format="date-time", judge=is_date_time, alphabet="0123456789:.+-ZzTt ",
         seeds=["1998-12-31T15:59:60.123-08:00", "2020-02-29t23:59:59z"]),
    Case(format="ipv4", judge=holds(IPv4Address), seeds=["127.0.0.1", "255.255.255.255"],
         alphabet="0123456789.:"),
    Case(format="ipv6", judge=is_ipv6, alphabet="0123456789abcdefF:.%",
         seeds=["::", "1::8", "2001:db8::ff00:42:8329", "::ffff:192.168.0.1", "1:2:3:4:5:6:7::"]),
    Case(format="uuid", judge=is_uuid, seeds=["2eb8aa08-AA98-11ea-b4aa-73b441d16380"],
         alphabet="0123456789abcdefABCDEFg-"),
    Case(format="json-pointer", judge=is_json_pointer, seeds=["", "/a~0b/~1", "/é/0"],
         alphabet="ab/~012 é"),
    Case(format="relative-json-pointer", judge=is_relative_json_pointer, alphabet="0123#/~a",
         seeds=["0", "1/a", "10#", "2/~01"]),
    Case(format="email", judge=by_email_grammar, alphabet="ab.@-\"\\ []:1é_",
         seeds=["joe.bloggs@example.com", '"a b@c"@d', "a@[127.0.0.1]", "a@[IPv6:::1]"]),
]  # fmt: skip

# `jsonschema`'s own checkers, where those are parsers and not searches for one character.
CHECKED = [
    Case(format="date", judge=checker("date"), seeds=["2024-02-29", "2023-02-28"],
         alphabet="0123456789-"),
    # Leap seconds: the checker has none.
    Case(format="date-time", judge=checker("date-time"), alphabet="0123456789:.+-ZzTt",
         seeds=["1998-12-31T15:59:59.123-08:00", "2016-12-31T23:59:60Z"],
         stricter=lambda text: ":60" in text,
         # Offsets are not looked at, nor the kind of digits; `upper` widens others.
         laxer=lambda text: not is_date_time(text)),
    # ISO 8601 beyond RFC 3339: fractions, signs, weeks mixed in, parts left out.
    Case(format="duration", judge=checker("duration"), alphabet="PTYMDHSW0123456789.,-+",
         seeds=["P1Y2M3DT4H5M6S", "PT1H30M", "P4W", "P1D", "PT1S"],
         laxer=lambda text: bool(
             re.search(r"[.,+-]", text)
             or "0000" in text
             # Numbers without a designator; parts that skip one between them.
             or re.search(r"[0-9](?:T|$)|Y[0-9]+D|H[0-9]+S|(?<!P)[0-9]+W|W.", text))),
    Case(format="hostname", judge=checker("hostname"), alphabet="ab1-._A",
         seeds=["www.example.com", "a-b.c", "x" * 63 + ".y", "1host"],
         # A trailing dot; encodings of which the checker knows nothing.
         laxer=lambda text: text.endswith(".") or encoded(text) or not text.isascii()),
    Case(format="idn-hostname", judge=checker("idn-hostname"),
         alphabet="abl10-.\u00b7\u0375\u03b1\u05d0\u05f3\u30fb\u30a2\u4e08\u0628\u0660\u06f0"
                  "\u200d\u0915\u094d\u0301\u00fc\u3002\u00df",
         seeds=["münchen.de", "실례.테스트", "l·l", "α͵β", "א׳ב", "ア・ア", "ب٠ب", "नमस्ते.भारत"],
         laxer=lambda text: beyond_our_idna(text) or not is_ldh_or_unicode(text)
         or re.search("[A-Z]", text) is not None
         # RFC 5893 judges every label of a name in which something is written from right to
         # left; `idna` only those labels that have such characters.
         or right_to_left(text)),
    Case(format="uri", judge=checker("uri"), alphabet=URI_ALPHABET,
         seeds=["http://user@example.com:80/p/a?q=1#f", "urn:a:b", "http://[::1]/", "a:", "file:///x"]),
    Case(format="uri-reference", judge=checker("uri-reference"), alphabet=URI_ALPHABET,
         seeds=["//h/p", "a/b?c#d", "#f", "", "../x", "?q"]),
    Case(format="iri", judge=checker("iri"), alphabet=URI_ALPHABET + "\u03c0\ue000\ufffe",
         seeds=["http://ƒøø.ßår/?∂éœ=πîx#πîüx", "urn:é", "http://[2001:db8::1]/π"]),
    Case(format="iri-reference", judge=checker("iri-reference"),
         alphabet=URI_ALPHABET + "\u03c0\ue000\ufffe", seeds=["//ƒ/π", "âππ", "#ƒ", "?\ue000"]),
    Case(format="uri-template", judge=checker("uri-template"), alphabet="ab{}+#./;?&,*:1%20 \"é",
         seeds=["/a/{b}", "{+x,y*}", "{?q:3,r}", "http://e.com/{a.b}", "%41{&z}"],
         # It looks at expressions alone, lets operators stand elsewhere than in the first place
         # and lists end in commas, and knows no encoded characters in names and no prefixes of
         # more than two digits.
         laxer=lambda text: not literals_only(re.sub(r"\{[^{}]*\}", "", text))
         or re.search(r"\{[^}]+[/;?&#+!=@|]|\{[^}]*[.,*][.,}]|\{,|\{[^}]*,[.,]", text) is not None,
         stricter=lambda text: re.search(r"\{[^}]*(%|:[0-9]{3})", text) is not None),
    Case(format="uuid", judge=checker("uuid"), alphabet="0123456789abcdef-{}",
         seeds=["2eb8aa08-aa98-11ea-b4aa-73b441d16380"],
         # `UUID` drops braces, hyphens and a prefix before it looks.
         laxer=lambda text: not is_uuid(text)),
]  # fmt: skip


def right_to_left(text: str) -> bool:
    return any(unicodedata.bidirectional(c) in {"R", "AL", "AN"} for c in text)


def is_ldh_or_unicode(text: str) -> bool:
    """Pure ASCII names reach no rule of IDNA in `idna`'s encoder beyond LDH and hyphens."""
    return all(
        not label.isascii() or re.fullmatch(r"[A-Za-z0-9-]*", label) for label in labels(text)
    )


def mutated(text: str, alphabet: str, chance: random.Random) -> str:
    characters = list(text)
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        place = chance.randrange(len(characters) + 1)
        match chance.randrange(4):
            case 0:
                characters.insert(place, chance.choice(alphabet))
            case 1 if characters:
                del characters[place % len(characters)]
            case 2 if characters:
                characters[place % len(characters)] = chance.choice(alphabet)
            case _:
                other = chance.randrange(len(characters) + 1)
                low, high = sorted((place, other))
                characters[low:low] = characters[low:high]
    return "".join(characters)[:200]


def candidates(constraint: TextConstraint, case: Case, seed: int) -> list[str]:
    """Members by the automaton, the seeds, and neighbours of both."""
    chance = random.Random(seed)
    members = [json.loads(constraint.sample(number, max_bytes=60)) for number in range(SAMPLES)]
    members += case.seeds
    found = dict.fromkeys(members)
    pool = [*members, *case.seeds * (SAMPLES // len(case.seeds))]
    for _ in range(MUTATIONS):
        text = mutated(chance.choice(pool), case.alphabet, chance)
        found.setdefault(text)
        if chance.random() < 0.3:
            pool.append(text)
    return list(found)


def asserted(name: str) -> TextConstraint:
    return json_schema({"type": "string", "format": name}, format_assertion=True)


def disagreements(case: Case, seed: int) -> tuple[list[str], int]:
    constraint = asserted(case.format)
    wrong: list[str] = []
    members = 0
    for text in candidates(constraint, case, seed):
        if not text.isprintable() and any("\ud800" <= c <= "\udfff" for c in text):
            continue
        ours = constraint.accepts(json.dumps(text, ensure_ascii=False))
        theirs = case.judge(text)
        members += ours
        if ours and not theirs and not case.stricter(text):
            wrong.append(f"accepted, and refused by the judge: {text!r}")
        if theirs and not ours and not case.laxer(text):
            wrong.append(f"refused, and accepted by the judge: {text!r}")
    return wrong, members


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.format)
def test_formats_are_what_independent_parsers_say(case: Case) -> None:
    wrong, members = disagreements(case, 1)
    assert not wrong, "\n".join(wrong[:20])
    assert members > SAMPLES // 2


@pytest.mark.parametrize("case", CHECKED, ids=lambda case: case.format)
def test_formats_agree_with_jsonschema(case: Case) -> None:
    wrong, members = disagreements(case, 2)
    assert not wrong, "\n".join(wrong[:20])
    assert members > SAMPLES // 2


PATTERNS = [
    "^(?:(a)+(?=b(c))|d)*$",
    "[a-z-]+\\d{2,3}?",
    "(?<name>x)|\\p{Lu}",
    "(?<=a+)b",
    "\\u{1F600}[^]",
]


def test_regular_expressions_compile_in_ecma_262() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    constraint = asserted("regex")
    case = Case(
        format="regex", judge=never, seeds=PATTERNS, alphabet="ab()[]{}*+?|\\^$.-,1dwk<>=!:"
    )
    texts = candidates(constraint, case, 3)
    ours = [constraint.accepts(json.dumps(text, ensure_ascii=False)) for text in texts]
    script = (
        "const out=[];for(const t of JSON.parse(require('fs').readFileSync(0))){"
        "try{new RegExp(t,'u');out.push(true)}catch(e){out.push(false)}}"
        "console.log(JSON.stringify(out))"
    )
    done = subprocess.run(
        [node, "-e", script], input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    theirs = json.loads(done.stdout)
    wrong = [text for text, a, b in zip(texts, ours, theirs, strict=True) if a and not b]
    assert not wrong, wrong[:20]
    # What is valid and refused is a part of what is valid, as documented: names, references,
    # ranges of other characters than letters and digits, groups deeper than six.
    missed = [text for text, a, b in zip(texts, ours, theirs, strict=True) if b and not a]
    assert sum(ours) > 5 * len(missed), missed[:20]


@pytest.mark.parametrize("name", ["color", "host-name", "ip-address", "phone", "utc-millisec"])
@pytest.mark.filterwarnings("ignore::structgen.errors.SchemaWarning")
def test_names_that_no_draft_from_four_on_defines_are_annotations(name: str) -> None:
    assert asserted(name).accepts('"anything \\u0000"')


@pytest.mark.parametrize("draft", ["draft4", "draft6", "draft7", "2019-09", "2020-12"])
def test_names_of_later_drafts_mean_the_same_in_earlier_ones(draft: str) -> None:
    accepts = partial(json_schema, draft=draft, format_assertion=True)  # type: ignore[arg-type]
    uuid = accepts({"format": "uuid"})
    assert not uuid.accepts('"x"')
    assert uuid.accepts("7")
