"""Calls of installed packages that read variables or build URLs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus

from migops.sources.settings.values import (
    INI,
    NONE,
    EngineOf,
    Environment,
    EnvReader,
    Known,
    Library,
    Unsettled,
    Value,
    first_unsettled,
    text_of,
    used_by,
)

Arguments = Sequence[Value]
Keywords = Mapping[str, Value]

_URL_PARTS = ("drivername", "username", "password", "host", "port", "database")
_DSN_PARTS = {
    "drivername": ("scheme",), "username": ("username", "user"), "password": ("password",), "host": ("host",),
    "port": ("port",), "database": ("path",),
}  # fmt: skip
_IDENTITY = re.compile(
    r"(.*\.)?(str|make_url|SecretStr|Secret|PostgresDsn|AnyUrl|MySQLDsn|MariaDBDsn|MultiHostUrl|DatabaseURL|cast)"
)
_READERS = re.compile(
    r"decouple\.(config|AutoConfig|Config)|environs\.(Env|env)|environ\.(Env|FileAwareEnv)|starlette\.config\.(Config|environ)|"
    r"(prettyconf|starlette_context)\.config"
)
_ENGINES = ("create_engine", "create_async_engine", "AsyncEngine")


def called(name: str, arguments: Arguments, keywords: Keywords, environment: Environment) -> Value:
    """The result of calling something of an installed package, by its dotted name."""
    last = name.rpartition(".")[2]
    if name in ("os.getenv", "os.environ.get"):
        return variable(environment, arguments, keywords)
    if name in ("os.environ.setdefault",):
        return variable(environment, arguments, {})
    if _READERS.fullmatch(name):
        return variable(environment, arguments, keywords) if name == "decouple.config" else EnvReader()
    if last in _ENGINES:
        return _engine(arguments, keywords)
    if name.endswith(("URL.create", "url.URL")) or (name.endswith(".URL") and len(arguments) != 1):
        return url(dict(zip(_URL_PARTS, arguments, strict=False)) | dict(keywords))
    if name.endswith(("Dsn.build", "Url.build")):
        return url({part: next((keywords[each] for each in names if each in keywords), NONE)
                    for part, names in _DSN_PARTS.items()})  # fmt: skip
    if (_IDENTITY.fullmatch(name) or name.endswith(".URL")) and arguments:
        return arguments[-1] if last == "cast" else as_text(arguments[0])
    if last in ("quote", "quote_plus") and arguments:
        text = text_of(arguments[0])
        encode: Callable[..., str] = quote_plus if last == "quote_plus" else quote
        return Known(encode(text), used_by(arguments[0])) if text is not None else _why(arguments)
    return _of_alembic(name, arguments, keywords, environment) or _builtin(last, arguments, keywords, name)


def _engine(arguments: Arguments, keywords: Keywords) -> Value:
    given = arguments[0] if arguments else keywords.get("url") or keywords.get("sync_engine")
    if isinstance(given, EngineOf):
        return given
    return EngineOf(as_text(given)) if given is not None else Unsettled("an engine without a URL")


def _of_alembic(name: str, arguments: Arguments, keywords: Keywords, environment: Environment) -> Value | None:
    if name == "alembic.context.is_offline_mode":
        return Known(False)
    if name == "alembic.context.get_x_argument" and environment.has_arguments:
        return Unsettled("it depends on the -x of the service's Alembic")
    if name == "alembic.context.get_x_argument":
        return Known({}) if "as_dictionary" in keywords or arguments else Known(())
    if name in ("alembic.context.config.get_main_option", "alembic.context.config.get_section_option"):
        option = text_of(arguments[-1 if name.endswith("section_option") else 0]) if arguments else None
        return of_ini(environment, option or "", arguments[1] if len(arguments) > 1 else NONE)
    if name == "alembic.context.config.get_section":
        return Library("alembic.section")
    if name == "alembic.section.get" and arguments:
        return of_ini(environment, text_of(arguments[0]) or "", arguments[1] if len(arguments) > 1 else NONE)
    return None


def of_ini(environment: Environment, option: str, default: Value) -> Value:
    """An option of Alembic's configuration."""
    value = environment.ini(option)
    used = (INI,) if option == INI else ()
    if value is None:
        return Known(None, used) if default is NONE else default
    return Known(value, used)


def _builtin(last: str, arguments: Arguments, keywords: Keywords, name: str) -> Value:
    if last in ("int", "float") and len(arguments) == 1:
        text = text_of(arguments[0])
        if text is not None and re.fullmatch(r"[0-9]+", text.strip()):
            return Known(int(text), used_by(arguments[0]))
        return _why(arguments)
    if last == "bool" and len(arguments) == 1 and isinstance(arguments[0], Known):
        return Known(bool(arguments[0].value), arguments[0].used)
    if name == "dict" and arguments and isinstance(arguments[0], Library) and not keywords:
        return arguments[0]
    if name == "dict" and not arguments:
        return Known(dict(keywords))
    if last in ("lru_cache", "cache", "load_dotenv"):
        return NONE
    return Unsettled(f"it depends on {name or 'code'}, which is not the project's")


def variable(
    environment: Environment, arguments: Arguments, keywords: Keywords, prefix: str = "", *, must: bool = False
) -> Value:
    """A variable by the name in the first argument, else its default. ``must``: without a default, nothing sets it."""
    name = text_of(arguments[0]) if arguments else text_of(keywords.get("key", NONE))
    if name is None:
        return Unsettled("the name of a variable is computed")
    given = environment.variable(prefix + name)
    if given is not None:
        return as_bool(given) if keywords.get("cast") == Library("bool") else given
    if len(arguments) > 1 and not isinstance(arguments[1], Library):
        return arguments[1]
    if "default" in keywords:
        return keywords["default"]
    return missing(environment, prefix + name) if must else NONE


_TRUE, _FALSE = ("true", "1", "yes", "on", "y", "t"), ("false", "0", "no", "off", "n", "f", "")


def as_bool(value: Value) -> Value:
    """The text of a variable as settings classes and readers take it for a bool."""
    text = text_of(value)
    if text is None or not isinstance(value, Known):
        return value
    if text.lower() in (*_TRUE, *_FALSE):
        return Known(text.lower() in _TRUE, value.used)
    return Unsettled("a variable is neither true nor false")


def missing(environment: Environment, name: str) -> Unsettled:
    """The reason for a variable that the code needs and nothing sets."""
    whose = f"the service {environment.service}" if environment.service else "the environment"
    return Unsettled(f"{name}, which {whose} does not set", name)


def as_text(value: Value) -> Value:
    """``str(value)``."""
    text = text_of(value)
    if text is not None and isinstance(value, Known):
        return Known(text, value.used)
    return value


def url(parts: Mapping[str, Value]) -> Value:
    """A URL from its parts."""
    if why := first_unsettled(*(parts.get(name, NONE) for name in _URL_PARTS)):
        return why
    texts = {name: text_of(parts.get(name, NONE)) or "" for name in _URL_PARTS}
    if not texts["drivername"]:
        return Unsettled("a URL without a scheme")
    login = quote(texts["username"], safe="")
    login += f":{quote(texts['password'], safe='')}" if texts["password"] else ""
    server = f"{login}@" if login else ""
    server += texts["host"] + (f":{texts['port']}" if texts["port"] else "")
    whole = f"{texts['drivername']}://{server}/{texts['database'].removeprefix('/')}"
    return Known(whole, used_by(*parts.values()))


_SAME = frozenset(("unicode_string", "get_secret_value", "render_as_string", "encode", "__str__", "human_repr"))
_METHODS = frozenset(
    ("replace", "strip", "lstrip", "rstrip", "lower", "upper", "removeprefix", "removesuffix", "startswith", "endswith",
     "format", "title")
)  # fmt: skip


def method(value: Value, name: str, arguments: Arguments, keywords: Keywords) -> Value:
    """The result of a method of a text or a dict."""
    if name in _SAME:
        return as_text(value)
    if isinstance(value, Known) and isinstance(value.value, dict) and name in ("get", "pop"):
        return _item(value.value, arguments)
    if not (isinstance(value, Known) and isinstance(value.value, str)):
        return value if isinstance(value, Unsettled) else Unsettled(f"it depends on the method {name}")
    if name == "set" and "drivername" in keywords:  # of an URL
        return _with_driver(value, keywords["drivername"])
    if name == "split" and all(isinstance(each, Known) for each in arguments) and not keywords:
        texts = value.value.split(*(each.value for each in arguments if isinstance(each, Known)))
        return Known(tuple(Known(each, value.used) for each in texts), value.used)
    if name not in _METHODS:
        return Unsettled(f"it depends on the method {name}")
    given, named = list(arguments), dict(keywords)
    if why := first_unsettled(*given, *named.values()):
        return why
    plain = [each.value for each in given if isinstance(each, Known)]
    words = {key: each.value for key, each in named.items() if isinstance(each, Known)}
    try:
        result = getattr(value.value, name)(*plain, **words)
    except (TypeError, ValueError, IndexError, KeyError, AttributeError):
        return Unsettled(f"it depends on the method {name}")
    return Known(result, used_by(value, *given, *named.values()))


def _with_driver(value: Known, driver: Value) -> Value:
    scheme = text_of(driver)
    if scheme is None:
        return Unsettled("the URL's driver is computed")
    return Known(re.sub(r"^[^:]+", scheme, value.value), value.used)


def _item(items: Mapping[Any, Value], arguments: Arguments) -> Value:
    key = arguments[0] if arguments else None
    if not isinstance(key, Known):
        return Unsettled("a key is computed")
    return items.get(key.value, arguments[1] if len(arguments) > 1 else NONE)


def _why(arguments: Arguments) -> Unsettled:
    return first_unsettled(*arguments) or Unsettled("it is computed")
