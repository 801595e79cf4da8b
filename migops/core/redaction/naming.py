"""Which values are secrets: those whose name says so, and those that stand in a place for secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from migops.core.redaction.forms import secrets_in
from migops.core.redaction.known import Known

_SECRET = re.compile(
    r"""pass(?:word|wd|phrase)|(?:^|_)pass(?:_|$)|pwd|secret|token|credential|bearer|jwt|private(?:_?(?:key|pem))?$|signature
    |(?:^|_)(?:salt|pin|otp|creds?)(?:_|$)|(?:^|_)dsn(?:_|\d|$)
    |(?<!mon)(?<!tur)(?<!hoc)key(?:s|_?\d+)?(?:_?(?:id|base|value|prod|dev|test|live))?$
    |(?:^|_)o?auth(?:_?(?:header|basic|string|code|data|\d+))?$|authorization""",
    re.VERBOSE,
)
_SETTING = re.compile(
    r"(?:method|type|min|max|length|size|ttl|expir\w*|minutes|seconds|hours|days|hashers?|alg|algorithm|enabled|user"
    r"|username|host|port|header_name|policy|validators?)$"
)
"""Names of what is said *about* a secret: TOKEN_TTL, PASSWORD_HASHER, …"""
_PLACE = re.compile(r"(?:^|_)(?:file|path|dir|sock|socket|location)$")
_PATH = re.compile(r"~?(?:/[\w.@+-]+)+/?")
_PUBLIC = re.compile(r"(?:^|_)(?:user|username|db|database|dbname|host|hostname|name|schema|project|region|env)$")
_LONGEST = 64 * 1024  # characters of one secret that are looked at
_LINE = 8  # characters from which on a line of a secret of several lines counts by itself


def says_secret(name: str) -> bool:
    """Whether a variable's (or key's) name says that its value is a secret: API_TOKEN, dbPassword, SECRET_KEY_BASE."""
    plain = re.sub(r"[\W_]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).casefold()
    return bool(_SECRET.search(plain)) and not _SETTING.search(plain)


def of_environment(variables: Mapping[str, str | None]) -> Known:
    """The secrets among variables: by name, and of any other one what stands in its value as a secret does."""
    secrets: set[str] = set()
    public: set[str] = set()
    for name, value in variables.items():
        if not value:
            continue
        secrets.update(secrets_in(value))
        plain = name.casefold()
        if plain == "gpg_key" and re.fullmatch(r"[0-9A-Fa-f]{40}", value):  # a fingerprint, as Python's images have it
            public.add(value)
        elif says_secret(name):
            if not _is_path(name, value) and not ("dsn" in plain and ("=" in value or "://" in value)):
                secrets.update(parts(value))
        elif _PUBLIC.search(plain):
            public.add(value)
    return Known(frozenset(secrets), frozenset(public))


def _is_path(name: str, value: str) -> bool:
    """Whether it only says where the secret is: DB_PASSWORD_FILE, and SSL_KEY or SSH_AUTH_SOCK with a path."""
    plain = name.casefold()
    strong = re.search(r"pass|secret|token", plain) and not _PLACE.search(plain)
    return bool(_PATH.fullmatch(value)) and not strong


def parts(text: str) -> Iterator[str]:
    """A secret, and the pieces of it that are shown by themselves: long lines, values of a JSON or env file."""
    text = text[:_LONGEST].strip()
    yield text
    yield from secrets_in(text)
    lines = [line.strip() for line in text.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _LINE and not line.startswith("-----"))
    for line in lines:
        name, is_assigned, value = line.partition("=")
        if is_assigned and re.fullmatch(r"(?:export )?[A-Za-z_]\w*", name):
            yield value.strip("\"' ")
    if text[:1] in "{[":
        with suppress(ValueError, RecursionError):
            yield from _leaves(json.loads(text))


def _leaves(value: Any) -> Iterator[str]:
    """Every text in a document, but its keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)
