"""The URL of a service's database by the names of its variables, where env.py's text does not settle more."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from migops.core.model import Unknown
from migops.sources.database_url import (
    ALSO,
    SAY_WHICH,
    URL,
    Sought,
    Variables,
    not_known,
    of_variable,
    own_container,
    servers,
    without_host,
)

_USUAL = (
    "DATABASE_URL", "SQLALCHEMY_DATABASE_URI", "SQLALCHEMY_DATABASE_URL", "SQLALCHEMY_URL", "DB_URL", "DATABASE_URI",
)  # fmt: skip
_PIECES = (
    ("postgresql", ("PGUSER", "PGPASSWORD", "PGHOST", "PGPORT", "PGDATABASE")),
    ("postgresql", ("POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB")),
    ("postgresql", ("POSTGRESQL_USER", "POSTGRESQL_PASSWORD", "POSTGRESQL_HOST", "POSTGRESQL_PORT", "POSTGRESQL_DB")),
    ("mysql", ("MYSQL_USER", "MYSQL_PASSWORD", "MYSQL_HOST", "MYSQL_PORT", "MYSQL_DATABASE")),
    ("postgresql", ("DB_USER", "DB_PASSWORD", "DB_HOST", "DB_PORT", "DB_NAME")),
)
"""Variables for user, password, host, port and name, by dialect; DB_* is most often PostgreSQL."""
_SAYS_KIND = re.compile(r"(?:^|_)(?:ENGINE|DIALECT|DRIVER|BACKEND|TYPE|KIND|PROVIDER)$")
_OURS = re.compile(r"DATABASE|SQL|POSTGRES|MARIADB|(?:^|_)(?:DB|PG|DSN|URI)(?:_|$)")
_ANOTHERS = re.compile(
    r"(?:^|_)(?:TEST|TESTS|TESTING|LEGACY|OLD|REPLICA|READONLY|READ|RO|SLAVE|REPORTS?|REPORTING|ANALYTICS|WAREHOUSE|DWH|"
    r"SOURCE|REMOTE|EXTERNAL|SHADOW|ARCHIVE|CELERY|BROKER|RESULT|CACHE)(?:_|$)"
)
"""Words in the name of a variable with the URL of a database beside the one that Alembic migrates."""
_READS_ENVIRONMENT = re.compile(r"environ|getenv|settings|decouple|dotenv", re.IGNORECASE)


def from_named(variables: Variables, env_py: str, code: str | None = None) -> Sought | Unknown | None:
    """The URL from the service's environment, by the names of its variables.

    ``env_py`` is the text of Alembic's env.py: of several variables with a URL, the one that it names is used.
    ``code`` is that text and the texts of what it imports: a variable that they do not name does not count. None if no
    variable looks like a URL.
    """
    values = variables.values()
    if code is not None:
        words = frozenset(re.findall(r"\w+", code.upper()))
        values = {name: value for name, value in values.items() if name.upper() in words}
    urls = [name for name, value in values.items() if URL.match(value.strip())]
    chosen = _choose(urls, values, env_py, by_habit=code is None)
    if isinstance(chosen, Unknown):
        return chosen
    found = of_variable(variables, values, chosen) if chosen else _from_pieces(variables, values, env_py)
    unread = variables.service.unread
    if found is None and unread and _READS_ENVIRONMENT.search(env_py):
        return Unknown(f"the database's URL: {unread.reason()}", unread.fix(str(Path.cwd())))
    return found


def _choose(urls: Sequence[str], values: Mapping[str, str], env_py: str, *, by_habit: bool) -> str | Unknown | None:
    """Of the variables with a URL, the one that Alembic uses. ``by_habit``: else the one with the most usual name."""
    named = [name for name in urls if re.search(rf"\b{re.escape(name)}\b", env_py)]
    usual = [name for name in _USUAL if name in urls and by_habit]
    ours = [name for name in urls if by_habit or (_OURS.search(name.upper()) and not _ANOTHERS.search(name.upper()))]
    for names in (named, usual, ours):
        if len({values[name] for name in names}) == 1 or (names is usual and names):
            return names[0]
    if not urls or (not ours and not by_habit):
        return None
    return Unknown(
        f"several variables of the service contain a database URL: {', '.join(urls)}",
        "set the one that Alembic uses: x-migops: {database-env: NAME} under the service",
    )


def _from_pieces(variables: Variables, values: Mapping[str, str], env_py: str) -> Sought | Unknown | None:
    """The URL built from POSTGRES_USER, POSTGRES_PASSWORD, … if the service has these for one database only."""
    urls = [each for dialect, names in _PIECES if (each := _of(dialect, names, variables, values, env_py)) is not None]
    unknown = next((each for each in urls if isinstance(each, Unknown)), None)
    if unknown is not None:
        return unknown
    if urls and (name := _says_file(values)):
        return Unknown(f"{variables.origin(name)} is {values[name]}, and other variables describe a server", SAY_WHICH)
    texts = {each.text for each in urls if isinstance(each, Sought)}
    if len(texts) > 1:
        origins = "; ".join(each.origin for each in urls if isinstance(each, Sought))
        return Unknown(f"the service's variables describe several databases ({origins})", SAY_WHICH)
    return urls[0] if urls else None


def _says_file(values: Mapping[str, str]) -> str:
    """The variable that says that the database is a file; '' if none does."""
    files = (name for name, value in values.items() if value.lower().partition("+")[0] in ("sqlite", "sqlite3"))
    return next((name for name in files if _SAYS_KIND.search(name.upper())), "")


def _of(
    dialect: str, names: Sequence[str], variables: Variables, values: Mapping[str, str], env_py: str
) -> Sought | Unknown | None:
    """The URL by one set of names; None if user or database is not among them."""
    project, service = variables.project, variables.service
    variable_of = {name: next((each for each in (name, *ALSO.get(name, ())) if each in values), "") for name in names}
    if any(variable_of.values()):
        for name in names:
            if not variable_of[name] and (why := not_known(service, name)):
                return why
    user, password, host, port, database = (values.get(variable_of[name], "") for name in names)
    if not (user and database):
        return None
    several = list(servers(project, service, dialect))
    server = several[0] if several and not _undecided(variables) else ""
    if not host and (fallback := own_container(service, values, env_py, names[2])):
        return without_host(variables, fallback, names[2], server)
    if not host and (why := _undecided(variables)):
        return why
    guess = f"; the host is a guess: {server} is the only service with such a server" if not host else ""
    host = host or server
    if not host:
        return None
    if names[2] == "DB_HOST" and host in servers(project, service, "mysql"):
        dialect = "mysql"
    login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    text = f"{dialect}://{login}@{host}{f':{port}' if port else ''}/{quote(database, safe='')}"
    others = "".join(f"{name}, " for name in list(variable_of.values())[1:] if name)
    first = variable_of[names[0]]
    return Sought(text, f"{others}{variables.origin(first)}{guess}", at=variables.location(first))


def _undecided(variables: Variables) -> Unknown | None:
    """The reason if several servers may be meant, and no variable says which."""
    names = list(servers(variables.project, variables.service))
    if len(names) < 2:
        return None
    return Unknown(
        f"several services run a database server ({', '.join(names)}), and no variable names the host", SAY_WHICH
    )
