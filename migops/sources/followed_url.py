"""The database URL that the service's env.py ends with, in words for the user; else the reason why it is unknown."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from migops.core.errors import MigopsError
from migops.core.model import Location, Unknown
from migops.entrypoint.program import parsed
from migops.sources.database_names import from_named
from migops.sources.database_url import (
    LOOPBACK,
    SAY_WHICH,
    TEMPLATE,
    URL,
    Sought,
    Variables,
    from_config,
    is_own_network,
    not_known,
    own_container,
    placeholder,
    servers,
    within,
    without_host,
)
from migops.sources.project_code import EnvironmentCode, ProjectCode
from migops.sources.settings.env_database import FromIni, NotSettled, Url, url_of
from migops.sources.settings.evaluate import Evaluator
from migops.sources.settings.flask import settings_of_flask
from migops.sources.settings.set_variables import set_by_code
from migops.sources.settings.values import INI, Environment, Scope

if TYPE_CHECKING:
    from migops.sources.database_question import Question

_HOST = re.compile(r"^[^:]+://(?:[^/@]*@)?(\[[^\]]*\]|[^:/?]*)")
_READS_FILE = re.compile(rb"load_dotenv|env_file|decouple|read_env|starlette\.config|dotenv_values")
_COMPUTED_FILE = re.compile(rb"\.env\.?\{|env_file\s*=\s*[a-zA-Z_]|\.env\.[\"']\s*\+")
_ENV_FILE = re.compile(r"(?:^|/)(?:\.env[\w.-]*|[\w.-]+\.env)$")
_OUTRANKS = re.compile(rb"override\s*=\s*True")


def followed_url(asked: Question) -> Sought | Unknown | None:
    """The URL by the text of env.py and of what it imports; None without an env.py or a compose project."""
    if asked.project is None or asked.service is None or not asked.env_py.strip():
        return None
    variables = Variables(asked.project, asked.service, asked.image_env)
    code = asked.code() if asked.code is not None else None
    follow = _Follow(asked, variables, code)
    try:
        return follow.url()
    except (MigopsError, RecursionError):
        return follow.by_name("the code that env.py imports cannot be read")


def evaluator_of(asked: Question) -> tuple[Evaluator, Scope, ast.Module] | None:
    """What evaluates env.py, its module and its text; None without a compose project. Raises ``MigopsError``."""
    if asked.project is None or asked.service is None:
        return None
    code = asked.code() if asked.code is not None else None
    return _Follow(asked, Variables(asked.project, asked.service, asked.image_env), code).evaluator()


def _names(code: bytes, file: str) -> bool:
    """True if the code names the file: by a text that ends with it, or without a name, as ``load_dotenv()`` does."""
    bare = file == ".env" and re.search(rb"(?:load_dotenv|dotenv_values|read_env)\(\s*(?:override\b[^)]*)?\)", code)
    return bool(bare) or re.search(rb"(?<![\w.-])%s[\"']" % re.escape(file.encode()), code) is not None


class _Follow:
    """One reading of env.py."""

    def __init__(self, asked: Question, variables: Variables, code: EnvironmentCode | None) -> None:
        self.asked = asked
        self.variables = variables
        self.env = code.env if code else Path(asked.env_path or "env.py")
        self.code = ProjectCode(code.roots if code else ())
        self.code.put(self.env, parsed(asked.env_py))  # the image's text counts, not the host's
        self.modules = code
        self.assigned: frozenset[str] = frozenset()
        self.from_file: frozenset[str] = frozenset()
        self.reached, self.computed = self.code.reached(self.env)
        if self.computed or self._is_flask:
            self.reached |= set(code.files() if code else ())

    @property
    def _is_flask(self) -> bool:
        return "current_app" in self.asked.env_py

    def url(self) -> Sought | Unknown:
        evaluator, module, tree = self.evaluator()
        outcome = url_of(evaluator, module, tree)
        if isinstance(outcome, NotSettled) and self._is_flask:
            outcome = settings_of_flask(evaluator, sorted(self.reached - {self.env})) or outcome
        if isinstance(outcome, Url):
            return self._sought(outcome)
        if isinstance(outcome, FromIni):
            return self._of_ini()
        place = f"{self.env}:{outcome.line}: " if outcome.line else ""
        if outcome.missing:
            return Unknown(f"{place}the URL needs {outcome.reason}", f"set {outcome.missing} there; or {SAY_WHICH}")
        return self.by_name(f"{place}{outcome.reason}")

    def evaluator(self) -> tuple[Evaluator, Scope, ast.Module]:
        """What evaluates env.py in the service's environment, with the module's names and its text."""
        evaluator = Evaluator(self.code, self._environment())
        return evaluator, evaluator.module(self.env), self.code.tree(self.env)

    def _environment(self) -> Environment:
        service, values = self.variables.service, self.variables.values()
        plain = {**self.asked.image_env, **service.environment}
        values = {**{name: value for name, value in plain.items() if value is not None}, **values}
        texts = [self.code.text(file) for file in self.reached if file.is_file() and file != self.env]
        texts.append(self.asked.env_py.encode())
        assigned = self.assigned = set_by_code(texts, values)
        reads = any(_READS_FILE.search(text) for text in texts)
        files = self.modules.env_files if self.modules else {}
        whole = b"\n".join(texts)
        chosen = self._chosen_files(values, whole) if reads else {}
        read = [name for name in files if _names(whole, name) or name in chosen] if reads else []
        read += [name for name in files if reads and name == ".env" and not read]
        held: dict[str, set[str]] = {}
        for file in read:
            for name, value in files[file].items():
                held.setdefault(name, set()).add(value)
        outranked = {name for name, given in held.items() if name in values and given - {values[name]}}
        outranked = outranked if _OUTRANKS.search(whole) else set()
        self.assigned |= outranked
        unread = sorted(set(chosen) - set(files))
        computed = {name for file in files for name in files[file] if reads and _COMPUTED_FILE.search(whole)}
        secrets = {Path(each.target or each.source).name.lower() for each in service.secrets if b"secrets_dir" in whole}

        def unknown(name: str) -> str:
            if name in assigned:
                return f"{name} is set by the code itself"
            if name.lower() in secrets:
                return f"{name} may come from a secret"
            if name in computed and name not in values:
                return f"{name} may come from an env file whose name is computed"
            if name in outranked:
                return f"{name} is set by the service and by {' and '.join(read)}, which outranks it"
            if len(held.get(name, ())) > 1 and name not in values:
                return f"{name} is in {' and '.join(read)}, each with another value"
            if unread and name not in values:
                return f"{name} may come from {unread[0]}, which {chosen[unread[0]]} names"
            if self.asked.settings.get("entrypoint") == "keep" and name not in values:
                return f"{name} may be set by the entrypoint, which runs before Alembic (x-migops: entrypoint)"
            why = not_known(service, name)
            return why.reason if why else ""

        def ini(name: str) -> str | None:
            options = [config.options[name] for config in self.asked.configs.values() if name in config.options]
            return str(options[0].value) if options and options[0].value is not None else None

        section = next((config.section for config in self.asked.configs.values()), "alembic")
        from_file = {name: next(iter(given)) for name, given in held.items() if not unknown(name)}
        self.from_file = frozenset(from_file)
        return Environment(
            {name: value for name, value in values.items() if not unknown(name)},
            ini, section, unknown, service.name, from_file,
            has_arguments=re.search(r"(?:^|\s)(?:-x|--x-arg)", self.asked.settings.get("alembic", "")) is not None,
        )  # fmt: skip

    @staticmethod
    def _chosen_files(values: Mapping[str, str], code: bytes) -> dict[str, str]:
        """The env files that variables which the code names have as their values, each with its variable."""
        return {
            value.rpartition("/")[2]: name
            for name, value in values.items()
            if _ENV_FILE.search(value) and re.search(rb"\b%s\b" % re.escape(name.encode()), code)
        }

    def _sought(self, url: Url) -> Sought | Unknown:
        text = url.text.strip()
        at = Location(str(self.env), url.line)
        if text == TEMPLATE:
            return placeholder(at)
        names = [name for name in url.used if name != INI]
        if not URL.match(text):
            return self.by_name(f"{at}: {', '.join(names) or 'the text'} has no database URL that migops knows")
        origin = f"{at}"
        if names:
            more = "".join(f"{name}, " for name in names[1:])
            origin, at = f"{more}{self._origin(names[0])}", self.variables.location(names[0])
        match = _HOST.match(text)
        host = match[1].strip("[]") if match else ""
        is_set = any(host in self.variables.values().get(name, "") for name in names)
        if host in LOOPBACK and is_own_network(self.variables.service) and not is_set and not text.startswith("sqlite"):
            return self._itself(host, origin, url.used)
        return Sought(text, origin, at=at)

    def _origin(self, name: str) -> str:
        if name in self.from_file and name not in self.variables.values():
            return f"{name}, a .env file in the container"
        return self.variables.origin(name)

    def _itself(self, host: str, origin: str, used: Iterable[str]) -> Unknown:
        """The reason why the service's own container has no database."""
        variables, service = self.variables, self.variables.service
        server = next(servers(variables.project, service), "")
        fallback = own_container(service, variables.values(), self.asked.env_py)
        reason = fallback or (
            f"the host of the URL is {host} ({origin}), which in a container of {service.name} is the container "
            "itself, where no database listens"
        )
        variable = re.search(r"takes (\w+) from", fallback)
        if server and variable:
            return without_host(variables, reason, variable[1], server)
        return Unknown(reason, f"set the host to the service {server} there; or {SAY_WHICH}" if server else SAY_WHICH)

    def _of_ini(self) -> Sought | Unknown:
        """The URL of Alembic's configuration, which env.py takes as it is."""
        for place, config in self.asked.configs.items():
            option = config.options.get(INI)
            if option is not None and option.error and "_option(" in self.asked.env_py:
                return Unknown(
                    f"{option.at} ({place}): sqlalchemy.url refers to options that {self.env} may set", SAY_WHICH
                )
            sought = from_config(config, place)
            if sought is not None:
                return within(sought, self.variables) if isinstance(sought, Sought) else sought
        return Unknown(
            f"{self.env} takes the URL from sqlalchemy.url, which Alembic's configuration does not set", SAY_WHICH
        )

    def by_name(self, why: str) -> Sought | Unknown:
        """The URL by the variables that the code names, if the text settles no more; else Unknown, with ``why``."""
        texts = [self.asked.env_py]
        for file in self.reached - {self.env}:
            texts.append(self.code.text(file).decode("utf-8", "replace"))
        named = "\n".join(texts)
        for name in self.assigned:
            named = re.sub(rf"\b{re.escape(name)}\b", "", named)
        sought = from_named(self.variables, self.asked.env_py, named)
        return sought or Unknown(f"the database's URL is not known: {why}", SAY_WHICH)
