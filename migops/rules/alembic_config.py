"""MIG5: faults of Alembic's configuration, in each place that was read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from migops.analysis.evidence import Evidence
from migops.core.model import Location, MigrationFile, PlaceName, Remedy, Severity, Subject, Unknown
from migops.core.text import listed
from migops.rules.problems import problems
from migops.rules.rule import Match, Rule, Undetermined

if TYPE_CHECKING:
    from migops.migrations.config import Option
    from migops.migrations.problem import Problem
    from migops.sources.models import Model

_PATH_SEPARATOR = (1, 16)  # the first Alembic that has the setting of this name
_PASSWORD = re.compile(r"://[^\s:/@]*:(?!\$|%\(|\{|<|\[|\*+@|x+@|\.+@)[^\s@/]+@")
"""A password in a URL; a placeholder (``${DB_PASS}``, ``<password>``, ``***``) is none."""


def ini_interpolation(evidence: Evidence) -> Iterator[Match]:
    """A value in alembic.ini has a single `%`.

    What: `alembic heads` works, but `current`, `upgrade` and every other command that reads the settings fails with
    InterpolationSyntaxError. Typical cases are `version_num_format = %04d` and a password with `%` in `sqlalchemy.url`.

    Why: Alembic reads the file with interpolation: `%` starts a reference to another option.

    Alembic says: "InterpolationSyntaxError: '%' must be followed by '%' or '(', found: '%04d'".

    Fix: write `%%`. (`version_num_format` itself has no effect in Alembic: numbered files come from `file_template` and
    `--rev-id`.) An option that nothing reads, or that env.py replaces before it is read, does no harm and is not
    reported.

    With migops: `migops doctor --fix MIG501` shows the edit as a diff, and applies it after a yes.

    Seen in: sqlalchemy/alembic#1279, DevGlitch/alembic-migration-checker#10
    """
    yield from problems(evidence, "MIG501", lambda place, problem: _is_read(evidence, place, problem) is True)
    for match in problems(evidence, "MIG501", lambda place, problem: _is_read(evidence, place, problem) is None):
        message = f"{match.message}, if env.py reads it: it hands its configuration to code that migops did not follow"
        yield replace(match, message=message, severity=Severity.WARNING)


def _is_read(evidence: Evidence, place: PlaceName, problem: Problem) -> bool | None:
    """True if Alembic or env.py of that place reads the option; None if env.py's text does not settle it."""
    held = evidence.chain.held(place)
    env = held.environment.get("env.py") if held else None
    if env is None or not problem.option:
        return True
    from migops.migrations.env_options import option_use  # only a broken option asks

    use = option_use(env.content.decode("utf-8", "replace"))
    return use.reads(problem.option) if use.settled or problem.option in use.named else None


def script_location_missing(evidence: Evidence) -> Iterator[Match]:
    """The configuration does not point to a folder of migration scripts.

    What: Alembic stops with "No 'script_location' key found", or finds no scripts.

    Why: another section or file has the setting, a separator is misread, or the folder is not there.

    Alembic says: "No 'script_location' key found in configuration" or "Path doesn't exist: …".

    Fix: correct `script_location` or `version_locations`, or name the section with `x-migops: {name: …}`.

    With migops: `migops alembic ARGS…` starts Alembic in the folder where its configuration is found.

    Seen in: IBM/mcp-context-forge#946
    """
    # If only a later place lacks the folder, MIG004 and MIG104 report why it did not get there.
    yield from (match for match in problems(evidence, "MIG502") if PlaceName.HOST.value in match.facts["places"])


def credentials_in_ini(evidence: Evidence) -> Iterator[Match]:
    """Alembic's configuration file contains the database password.

    What: everybody with access to the repository or the image has the password. And the URL is then set in two places,
    here and in the service's environment: Alembic may migrate another database than the application uses.

    Why: `sqlalchemy.url` was filled in, as the file from `alembic init` suggests.

    Fix: make env.py read the URL from the application's environment, and only then delete the option: with neither,
    Alembic fails with `KeyError: 'url'`. Change the password: git's history and old images keep it.

    With migops: `migops doctor --fix MIG503` shows both edits as a diff (env.py reads the variable, the option goes),
    and applies them after a yes.

    Seen in: mikesvoboda/nemotron-v3-home-security-intelligence#5691
    """
    if evidence.setup is None:
        return
    from migops.rules.url_in_ini import take_out
    from migops.sources.database_url import TEMPLATE  # only doctor asks

    for option in evidence.setup.config.options.values():
        if isinstance(option.value, str) and option.value != TEMPLATE and _PASSWORD.search(option.value):
            yield Match(
                Subject(path=str(option.at)),
                f"{option.name} contains a password",
                f"the URL in {option.at} has user and password in plain text",
                None,
                {"option": option.name},
                (
                    *take_out(evidence, option, env_script(evidence)),
                    Remedy("change the password: git's history and existing images keep the old one"),
                ),
            )


def no_database_url(evidence: Evidence) -> Iterator[Match | Undetermined]:
    """Alembic has no database URL.

    What: every command that connects fails: `KeyError: 'url'` if the option is missing, "Can't load plugin:
    sqlalchemy.dialects:driver" if it is still the one from `alembic init`.

    Why: `sqlalchemy.url` was deleted from the ini file (or never filled in), and env.py creates its engine from the ini
    file only.

    Alembic says: `KeyError: 'url'` or "Can't load plugin: sqlalchemy.dialects:driver".

    Fix: make env.py set the URL from the service's environment. Where the project runs Alembic from its own code and
    sets the URL there, nothing is reported.

    With migops: `migops doctor --fix MIG508` shows the edit as a diff, and applies it after a yes.

    Seen in: sqlalchemy/alembic#606
    """
    env = env_script(evidence)
    if evidence.setup is None or env is None:
        return
    from migops.migrations.env_url import url_source  # only doctor asks
    from migops.rules.url_in_ini import give
    from migops.sources.database_url import TEMPLATE

    option = evidence.setup.config.options.get("sqlalchemy.url")
    is_empty = option is None or (not option.error and option.value in (None, "", TEMPLATE))
    if is_empty and url_source(env.content.decode("utf-8", "replace")).needs_ini:
        if evidence.setup.gives_url:
            yield Undetermined(f"{evidence.setup.gives_url} sets the URL itself when it runs Alembic")
            return
        at = str(option.at) if option else env.path
        missing = "is still the one from `alembic init`" if option and option.value == TEMPLATE else "is not set"
        yield Match(
            Subject(path=at),
            f"Alembic has no database URL: sqlalchemy.url {missing}",
            f"{env.path} creates its engine from the configuration file and sets no URL itself",
            None,
            {"file": env.path},
            give(evidence, env),
        )


def percent_in_url(evidence: Evidence) -> Iterator[Match]:
    """The database URL contains a `%`, and env.py passes it to Alembic's configuration without doubling it.

    What: every command fails with "invalid interpolation syntax", but only on this machine and with this password.

    Why: `set_main_option` writes into the ini settings, where `%` starts a reference to another option. A password with
    special characters has a `%` in a URL (`@` is `%40`).

    Alembic says: "invalid interpolation syntax in '…' at position …".

    Fix: `set_main_option("sqlalchemy.url", url.replace("%", "%%"))`, or pass the URL directly to `create_engine`.

    With migops: `migops doctor --fix MIG504` shows the edit as a diff, and applies it after a yes.

    Seen in: miguelgrinberg/retrofun#3
    """
    url = evidence.setup.url if evidence.setup else None
    env = env_script(evidence)
    if url is None or "%" not in url.text.replace("%%", "") or env is None:
        return
    from migops.migrations.env_script import undoubled  # only doctor asks

    for line, text in undoubled(env.content.decode("utf-8", "replace")):
        yield Match(
            Subject(path=f"{env.path}:{line}"),
            f"the database URL contains a %, and env.py does not double it: `{text}`",
            f"the URL comes from {url.origin}; set_main_option interpolates it",
            None,
            {"file": env.path, "line": line},
            (
                Remedy(
                    'add .replace("%", "%%"), or pass the URL directly to create_engine', at=Location(env.path, line)
                ),
            ),
        )


def deprecated_setting(evidence: Evidence) -> Iterator[Match]:
    """Alembic's configuration has a deprecated setting, or one that Alembic never had.

    What: since Alembic 1.16, `path_separator` replaces `version_path_separator`, which will be removed.
    `version_num_format` has no effect at all.

    Why: an older `alembic init` wrote the file, or it was copied from advice on the net.

    Alembic says: "The version_path_separator configuration parameter is deprecated; please use path_separator" (a
    DeprecationWarning, which Python does not show by default).

    Fix: replace `version_path_separator` by `path_separator = os`; delete `version_num_format` (numbered files come
    from `file_template` and `--rev-id`). A project whose own files keep Alembic below 1.16, which has no
    `path_separator`, keeps the old setting and is not reported.

    With migops: `migops doctor --fix MIG505` shows the edit as a diff, and applies it after a yes.
    """
    options = evidence.setup.config.options if evidence.setup else {}
    old, useless = options.get("version_path_separator"), options.get("version_num_format")
    pin = evidence.setup.alembic if evidence.setup else None
    if old and "path_separator" not in options and not (pin and pin.is_below(_PATH_SEPARATOR)):
        yield _setting(old, "is deprecated since Alembic 1.16", "use path_separator instead")
    if useless and not useless.error:  # MIG501 reports one that breaks Alembic
        why = "delete it; numbered files come from file_template and --rev-id"
        yield _setting(useless, "is not a setting of Alembic and has no effect", why)


def target_metadata_none(evidence: Evidence) -> Iterator[Match]:
    """env.py leaves `target_metadata` at None, so Alembic knows no models.

    What: `alembic revision --autogenerate` and `alembic check` stop with "Can't proceed with --autogenerate option".

    Why: env.py is still the one from `alembic init`.

    Alembic says: "Can't proceed with --autogenerate option; environment script … does not provide a MetaData object or
    sequence of objects to the context."

    Fix: import your models' Base there, and write `target_metadata = Base.metadata`. A project without models (its
    migrations are written by hand) is not reported.

    Seen in: argilla-io/argilla#3043
    """
    env = env_script(evidence)
    if evidence.setup is None or env is None or not evidence.setup.has_models:
        return
    from migops.migrations.env_script import line_of_none  # only doctor asks

    line = line_of_none(env.content.decode("utf-8", "replace"))
    if line:
        yield Match(
            Subject(path=f"{env.path}:{line}"),
            "env.py leaves target_metadata at None",
            f"nothing but None is assigned to it ({env.path}:{line})",
            None,
            {"file": env.path, "line": line},
            (
                Remedy(
                    "in env.py: from yourapp.models import Base; target_metadata = Base.metadata",
                    at=Location(env.path, line),
                ),
            ),
        )


def model_not_imported(evidence: Evidence) -> Iterator[Match | Undetermined]:
    """env.py does not import a model, so Alembic does not know its table.

    What: `alembic revision --autogenerate` ignores changes of the model. If its table exists, it writes a `drop_table`,
    which deletes all its data.

    Why: a model registers its table when its module is imported, and env.py imports only the Base.

    Fix: import the model's module in env.py, or in the module that defines the Base.

    With migops: `migops alembic revision --autogenerate` stops before it writes, and names the models that env.py does
    not import.

    Seen in: OpenNSWM-Lab/FAROS#43
    """
    unimported = evidence.setup.unimported if evidence.setup else ()
    if isinstance(unimported, Unknown):
        yield Undetermined(unimported.reason)
        return
    files: dict[str, list[Model]] = {}
    for model in unimported:
        files.setdefault(model.at.file, []).append(model)
    for file, models in files.items():
        names = listed([model.name for model in models])
        yield Match(
            Subject(path=str(models[0].at)),
            f"{names} {'is a model' if len(models) == 1 else 'are models'} that env.py does not import",
            f"no module that env.py imports, directly or indirectly, is {file}",
            None,
            {"file": file, "models": [model.name for model in models]},
            (Remedy("import that module in env.py, or in the module with the Base that env.py imports"),),
        )


def env_script(evidence: Evidence) -> MigrationFile | None:
    """env.py as the host has it; None if it has none."""
    host = evidence.chain.held(PlaceName.HOST)
    return host.environment.get("env.py") if host else None


def _setting(option: Option, what: str, fix: str) -> Match:
    return Match(
        Subject(path=str(option.at)), f"{option.name} {what}", f"{option.at} sets it", None, {"option": option.name},
        (Remedy(fix, at=option.at),),
    )  # fmt: skip


RULES = (
    Rule("MIG501", "ini-interpolation", Severity.ERROR, (), ini_interpolation),
    Rule("MIG502", "script-location-missing", Severity.ERROR, (), script_location_missing),
    Rule("MIG503", "credentials-in-ini", Severity.WARNING, (), credentials_in_ini, lint=True),
    Rule("MIG504", "percent-in-url", Severity.WARNING, (), percent_in_url, lint=True),
    Rule("MIG505", "deprecated-setting", Severity.WARNING, (), deprecated_setting, lint=True),
    Rule("MIG506", "target-metadata-none", Severity.WARNING, (), target_metadata_none, lint=True),
    Rule("MIG507", "model-not-imported", Severity.WARNING, (), model_not_imported, lint=True),
    Rule("MIG508", "no-database-url", Severity.ERROR, (), no_database_url, lint=True),
)
