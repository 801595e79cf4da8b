"""Who owns what a user was denied, and the GRANT as it can be typed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migops.commands.failures.database_place import database_place, psql
from migops.commands.failures.failure import Step
from migops.commands.failures.inputs import FailureInputs
from migops.database.postgres.swap_statements import identifier

_GRANTS = {
    "schema": "GRANT USAGE, CREATE ON SCHEMA {name} TO {user}",
    "table": "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE {name} TO {user}",
    "relation": "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE {name} TO {user}",
    "view": "GRANT SELECT ON TABLE {name} TO {user}",
    "sequence": "GRANT USAGE, SELECT, UPDATE ON SEQUENCE {name} TO {user}",
    "database": "GRANT CREATE ON DATABASE {name} TO {user}",
}
_OWNER = re.compile(
    r"must be owner of (?:table|relation|schema|view|sequence|type|function|index) \"?(?P<name>[\w.$-]{1,63})"
)
_OWNERS = {
    "schema": "SELECT nspname, pg_get_userbyid(nspowner) AS owner FROM pg_namespace WHERE nspname = {name}",
    "database": "SELECT datname, pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = {name}",
}
_RELATION = (
    "SELECT relnamespace::regnamespace, relname, pg_get_userbyid(relowner) AS owner FROM pg_class "
    "WHERE relname = {name}"
)


def owned_by(match: re.Match[str], inputs: FailureInputs) -> str:
    """The URL's user, beside the role that administers the server."""
    place = database_place(inputs)
    if place is None or not place.user or place.server is None or place.dialect != "postgresql":
        return ""
    connects = f"Alembic connects as {place.user}" + (f" ({place.origin})" if place.origin else "")
    if place.user == place.admin:
        return connects
    since = (
        "; since PostgreSQL 15 only the database's owner may create in schema public"
        if match["kind"] == "schema" and match["name"] == "public" else ""
    )  # fmt: skip
    return f"{connects}; the server's administrator is {place.admin}{since}"


def grant(match: re.Match[str], inputs: FailureInputs) -> Iterator[Step]:
    """The query for the owner, and the GRANT as the server's administrator; only for what a name and a role are "
    "known."""
    place = database_place(inputs)
    if place is None or not place.user:
        return
    owner = _OWNER.search(match[0])
    name, kind = (owner["name"], "owner") if owner else (match["name"] or "", match["kind"] or "")
    if not name or (kind not in _GRANTS and kind != "owner"):
        return
    statement = _OWNERS.get(kind, _RELATION).format(name=f"$${name}$$")
    if see := psql(inputs, statement, admin=True):
        yield Step("see who owns it", see)
    if kind == "owner":
        yield Step(
            "only its owner may change it: migrate as that role, or have it give the object away (ALTER … OWNER TO)"
        )
        return
    text = _GRANTS[kind].format(name=identifier(name), user=identifier(place.user))
    if place.user != place.admin and (command := psql(inputs, text, admin=True)):
        yield Step("grant it, as the server's administrator", command)


def use_public(match: re.Match[str], inputs: FailureInputs) -> Iterator[Step]:
    """The GRANT for a user that may use no schema of its search path; nothing for a schema that is not there."""
    place = database_place(inputs)
    if "no schema has been selected" not in match[0] or place is None or place.user in ("", place.admin):
        return
    statement = _GRANTS["schema"].format(name='"public"', user=identifier(place.user))
    if command := psql(inputs, statement, admin=True):
        yield Step(
            f"{place.user} may use no schema of its search path: as the server's administrator, let it use public "
            "(or set the search_path that it should have)",
            command,
        )
