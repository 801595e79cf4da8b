"""Secrets by form: where one stands is told by what is around it, whatever its value is.

Every repetition that a match can begin within is bounded: text of any length is looked through in linear time.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import unquote, unquote_plus

from migops.core.redaction.known import HIDDEN

_NAMES = (
    r"(?:pass(?:word|wd|phrase)|pwd|secret|token|credentials?|(?:api|access|private|secret|signing|encryption)[_-]?key)"
    r"(?:[_-]?(?:\d{1,3}|key|base|value|string|id))?"
)
_QUOTED = r"""\\*["']"""
_VALUE = (
    r'"(?:\\.|[^"\\\n])*"?' r"|'(?:\\.|[^'\\\n])*'?"  # quoted, or cut off before its end
    r"""|\\+["'].*?(?:\\+["']|$)"""  # in a text that was quoted itself
    r"|[^\s&;,]+"
)  # fmt: skip
_NOTHING = (
    r"(?!(?:None|null|true|false|undefined)\b"
    r"|(?:YES|NO)\)"  # MySQL: (using password: YES)
    r"|(?:%\(\w{1,63}\)s|\$\d{1,3})(?=[\s,;)\]]|$))"  # where a driver puts the value
)
_ASSIGNED = re.compile(
    rf"(?P<head>{_NAMES}(?:{_QUOTED})?\s*(?:=>|[=:])\s*(?:[bur](?=[\"']))?){_NOTHING}(?P<value>{_VALUE})", re.IGNORECASE
)
_URL = re.compile(
    # A raw @ in the password: the last one before the path is the end of it.
    r"(?P<head>://[^\s:/@]{0,200}:)(?P<value>[^\s@]{0,400}(?:@(?=[^\s/@]{0,200}@)[^\s@]{0,200}){0,4})(?P<tail>@)"
)
_ALONE = re.compile(
    r"(?P<head>https?://)(?P<value>[^\s:/@'\"]{8,400})(?P<tail>@)"
)  # a token for user and password in one
_OTHERS = (
    (re.compile(r"(password\s+)E?'(?:[^']|'')*'?", re.IGNORECASE), rf"\g<1>'{HIDDEN}'"),  # of CREATE and ALTER ROLE
    (
        re.compile(
            rf"((?:authorization|x-api-key|x-auth-token)(?:{_QUOTED})?\s*[=:]\s*(?:{_QUOTED})?"
            r"(?:(?:bearer|basic|token|digest|apikey)\s+)?)[^\s\"',;\\]+",
            re.IGNORECASE,
        ),
        rf"\g<1>{HIDDEN}",
    ),
    (re.compile(r"\b((?:bearer|basic)\s+)(?=[^\s\"']{0,100}\d)[\w.~+/-]{8,}=*", re.IGNORECASE), rf"\g<1>{HIDDEN}"),
    (re.compile(r"(--[\w-]{0,30}(?:password|passwd|token|secret|api-key)\s+)(?!-)\S+"), rf"\g<1>{HIDDEN}"),
    (
        re.compile(r"(-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----).*?(-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)", re.S),
        rf"\g<1>{HIDDEN}\g<2>",
    ),
    (re.compile(r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk_live_|AKIA)[\w-]{12,}"), HIDDEN),
)
_HINT = re.compile(
    r"pass|pwd|secret|token|credential|key|auth|bearer|basic|://|gh[pousr]_|github|glpat|xox|sk_live|akia",
    re.IGNORECASE,
)
"""What any of the forms has in it: most lines have none of these, and are let through at once."""


def hide(text: str) -> str:
    """``text`` with every value hidden that stands where a secret does."""
    if not _HINT.search(text):
        return text
    text = _URL.sub(rf"\g<head>{HIDDEN}\g<tail>", text)
    text = _ALONE.sub(rf"\g<head>{HIDDEN}\g<tail>", text)
    text = _ASSIGNED.sub(lambda found: found["head"] + _hidden(found["value"]), text)
    for pattern, instead in _OTHERS:
        text = pattern.sub(instead, text)
    return text


def _hidden(value: str) -> str:
    """Its quotes stay, so that what it stands in can still be read."""
    quote = value[: len(value) - len(value.lstrip("\\\"'"))]
    return f"{quote}{HIDDEN}{quote}" if quote and value.endswith(quote) and value != quote else f"{quote}{HIDDEN}"


def secrets_in(text: str) -> Iterator[str]:
    """Every secret that stands in a text by its form: of URLs, ``password=…``, JSON, also as it is once decoded."""
    for match in _URL.finditer(text):
        user = match["head"].removeprefix("://").removesuffix(":")
        yield from decoded(match["value"])
        if match["value"]:
            pair = f"{unquote(user)}:{unquote(match['value'])}"  # as Basic takes it
            yield base64.b64encode(pair.encode("utf-8", "surrogateescape")).decode().rstrip("=")
    for match in _ALONE.finditer(text):
        yield from decoded(match["value"])
    for match in _ASSIGNED.finditer(text):
        yield from decoded(match["value"].strip("\\\"'"))


def decoded(value: str) -> Iterator[str]:
    """The value, and what it means where it is written as in a URL."""
    yield from dict.fromkeys((value, unquote(value), unquote_plus(value)))
