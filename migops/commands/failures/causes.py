"""Causes by the output and the compose file: the variable behind a setting, the image of the server, the other "
"scripts."""

from __future__ import annotations

import re

from migops.commands.failures.database_place import DatabasePlace, database_place, is_server
from migops.commands.failures.inputs import FailureInputs, server
from migops.compose import Service
from migops.core.text import first_few, listed
from migops.runner.traceback import own_place, script_place

_DETAIL = re.compile(
    r"^(?:DETAIL: +|\s*)?(\w[\w ]{0,40} \S{1,140} depends on [\w ]{1,40} \S{1,140}?)\.?$", re.MULTILINE
)
_REQUIRED = re.compile(
    r"^(?P<name>[A-Za-z_][\w.\[\]-]{0,100})(?: -> (?P<inner>[\w. >-]{1,100}))?\n"
    r" +(?:Field required|field required|none is not an allowed value)", re.MULTILINE,
)  # fmt: skip
_INVALID = re.compile(
    r"^(?P<name>[A-Za-z_][\w.\[\]-]{0,100})(?: -> [\w. >-]{1,100})?\n {2}(?P<why>\S[^\[\n]{0,100})", re.MULTILINE
)
_MADE = r"(?:create_table\(\s*|rename_table\(\s*[\"'][^\"']+[\"'],\s*|CREATE TABLE (?:IF NOT EXISTS )?)[\"']?{}\b"


def url_of(match: re.Match[str], inputs: FailureInputs) -> str:
    """The variable that has the URL, with its line."""
    place = database_place(inputs)
    return f"the URL is in {place.origin}" if place and place.origin else ""


def user_of(match: re.Match[str], inputs: FailureInputs) -> str:
    """The URL's user, beside the one that the server's image makes; else how the server is."""
    place = database_place(inputs)
    if place is None or not place.origin:
        return server(match, inputs)
    if place.server is None or not is_server(place.server, "postgresql"):
        return f"the URL, in {place.origin}, names the user {place.user}"
    return (
        f"the URL, in {place.origin}, names the user {place.user}; service {place.server.name} "
        f"({place.server.location}) is set up with {place.admin}"
    )


def database_of(match: re.Match[str], inputs: FailureInputs) -> str:
    """The URL's database, beside the one that the server's image makes."""
    place = database_place(inputs)
    if place is None or not place.origin or place.server is None:
        return url_of(match, inputs)
    values = place.server.environment
    variables = ("POSTGRES_DB",) if place.dialect == "postgresql" else ("MYSQL_DATABASE", "MARIADB_DATABASE")
    made = next((str(values[name]) for name in variables if values.get(name)), "")
    made = made or (place.admin if place.dialect == "postgresql" else "")
    then = f", and service {place.server.name} ({place.server.location}) is set up with {made}" if made else ""
    return f"the URL, in {place.origin}, names the database {place.name}{then}"


def driver_of(match: re.Match[str], inputs: FailureInputs) -> str:
    """The URL's driver, and its variable."""
    place = database_place(inputs)
    if place is None or not place.origin:
        return ""
    driver = f"{place.dialect}+{place.driver}" if place.driver else place.dialect
    return f"the URL, in {place.origin}, begins with {driver}://"


def sqlite_file(match: re.Match[str], inputs: FailureInputs) -> str:
    """The file of the URL, and whether something is mounted over its folder."""
    place = database_place(inputs)
    if place is None or not place.path:
        return ""
    kind = "absolute" if place.path.startswith("/") else "relative to the folder in which Alembic starts"
    return f"the URL, in {place.origin}, names the file {place.path} ({kind})"


def missing_settings(match: re.Match[str], inputs: FailureInputs) -> str:
    """The settings that pydantic misses, and the service that does not set them."""
    names = [each["name"] for each in _REQUIRED.finditer(match.string, match.start())]
    fields = [name for name in names if name != name.upper()]
    variables = listed([name.upper() for name in fields])
    as_variables = f"; as variables: {variables}, after the class's env_prefix if it has one" if fields else ""
    return _unset(list(dict.fromkeys(names)), inputs) + as_variables


def invalid_settings(match: re.Match[str], inputs: FailureInputs) -> str:
    """The settings that pydantic refuses, with its reasons; never their values."""
    named = {each["name"]: each["why"].strip() for each in _INVALID.finditer(match.string, match.start())}
    return first_few([f"{name}: {why}" for name, why in named.items()], separator="; ", before_more="; and ")


def unset_variable(match: re.Match[str], inputs: FailureInputs) -> str:
    """The variable that is not set, and the service that does not set it."""
    name = next((value for key, value in match.groupdict().items() if key.startswith("variable") and value), "")
    return _unset([name] if name else [], inputs)


def _unset(names: list[str], inputs: FailureInputs) -> str:
    if not names:
        return ""
    service = _service(inputs)
    by = f"; service {service.name} ({service.location}) does not set " if service else ""
    if service is not None:
        known = {name.casefold() for name, value in service.environment.items() if value is not None}
        lacking = [name for name in names if name.casefold() not in known]
        by = f"{by}{'it' if len(names) == 1 else 'them'}" if lacking == names else ""
    return f"not set: {listed(names)}{by}"


def _service(inputs: FailureInputs) -> Service | None:
    project = inputs.target.model
    return project.services.get(inputs.target.service) if project else None


def dependents(match: re.Match[str], inputs: FailureInputs) -> str:
    """The objects that depend on it, as the server lists them."""
    return first_few([each[1] for each in _DETAIL.finditer(match.string, match.start())], 5, separator="; ")


def server_image(match: re.Match[str], inputs: FailureInputs) -> str:
    """The server's image, and where it is set."""
    place = database_place(inputs)
    if place is None or place.server is None:
        return ""
    return f"the server is service {place.server.name}, of the image {place.server.image_ref} ({place.server.location})"


def maker(match: re.Match[str], inputs: FailureInputs) -> str:
    """The revision that makes the missing table, or that none does."""
    name = (match["table"] or "").rpartition(".")[2]
    scripts = inputs.scripts
    if not name or scripts is None or not scripts.revisions:
        return ""
    texts = {each.path: each.content.decode("utf-8", "replace") for each in scripts.scripts.values()}
    pattern = re.compile(_MADE.format(re.escape(name)), re.IGNORECASE)
    ids = [each.id for each in scripts.revisions if pattern.search(texts.get(each.path, ""))]
    if ids:
        return f"the table {name} is made by revision {listed(ids)}"
    return f"no migration makes the table {name}"


def asks_first(match: re.Match[str], inputs: FailureInputs) -> str:
    """The line of the project's code that asks for a table outside of any migration."""
    if script_place(match.string, inputs.scripts) is not None:
        return ""
    place = own_place(match.string)
    if place is None or place.path.endswith("/env.py"):
        return ""
    return f"{place} asks for it when the code is imported, before any migration has run"


def states(match: re.Match[str], inputs: FailureInputs) -> str:
    """How the service's containers are."""
    name = inputs.target.service
    known = inputs.containers.get(name, ())
    return f"service {name}: {', '.join(known)}" if known else ""


def memory_limit(match: re.Match[str], inputs: FailureInputs) -> str:
    """The service's memory limit, and how its containers are."""
    service = _service(inputs)
    limits = ((service.raw.get("deploy") or {}).get("resources") or {}).get("limits") or {} if service else {}
    limit = (service.raw.get("mem_limit") if service else None) or limits.get("memory")
    said = f"service {inputs.target.service} has a memory limit of {_size(limit)}" if limit else ""
    return "; ".join(each for each in (said, states(match, inputs)) if each)


def _size(number: object) -> str:
    """Bytes in MiB; another form as it is written."""
    text = str(number)
    return f"{int(text) // 2**20} MiB" if text.isdigit() else text


def was_part(match: re.Match[str], inputs: FailureInputs) -> str:
    """Why it may be there already on a server that commits each DDL statement by itself."""
    if re.search(r"\(?\b10(?:50|60|61)\b|Duplicate (?:column|key) name|MySQL|MariaDB|mysql|mariadb", match.string):
        return (
            "MySQL and MariaDB commit each DDL statement by itself: what a failed run did before its error has stayed"
        )
    return ""


def place_of(inputs: FailureInputs) -> DatabasePlace | None:
    """The service's database, by the compose file."""
    return database_place(inputs)
