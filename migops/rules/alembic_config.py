"""MIG5: what is wrong with Alembic's configuration, in each place that was read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from migops.analysis.evidence import Evidence
from migops.core.model import MigrationFile, PlaceName, Remedy, Severity, Subject, Unknown
from migops.core.text import listed
from migops.rules.problems import problems
from migops.rules.rule import Match, Rule, Undetermined

if TYPE_CHECKING:
    from migops.migrations.config import Option
    from migops.sources.models import Model

_PASSWORD = re.compile(r"://[^\s:/@]*:[^\s@/]+@")


def ini_interpolation(evidence: Evidence) -> Iterator[Match]:
    """A value of alembic.ini has a `%` that is not doubled.

    What: `alembic heads` works, and `current`, `upgrade` and all that reads the settings die with
    InterpolationSyntaxError. Typical are `version_num_format = %04d` and a password with `%` in `sqlalchemy.url`.

    Why: the file is read with interpolation: `%` begins a reference to another option.

    Fix: write `%%`. (`version_num_format` itself has no effect in Alembic: numbered files come from `file_template`
    and `--rev-id`.)
    """
    yield from problems(evidence, "MIG501")


def script_location_missing(evidence: Evidence) -> Iterator[Match]:
    """The configuration does not lead to a folder of scripts.

    What: Alembic stops with "No 'script_location' key found", or finds no scripts.

    Why: another section or file has the setting, a separator is misread, or the folder is not where it says.

    Fix: mend `script_location` or `version_locations`, or name the section with `x-migops: {name: …}`.
    """
    # Where only a later place lacks the folder, MIG004 and MIG104 say why it did not get there.
    yield from (match for match in problems(evidence, "MIG502") if PlaceName.HOST.value in match.facts["places"])


def credentials_in_ini(evidence: Evidence) -> Iterator[Match]:
    """Alembic's configuration file has the database's password in it.

    What: whoever has the repository or the image has the password. And a URL there is a second truth beside the
    service's environment: Alembic may migrate another database than the application uses.

    Why: `sqlalchemy.url` was filled in as `alembic init` offers it.

    Fix: let env.py give Alembic the URL from the environment that the application has, and only then take the option
    out: without either, Alembic dies with `KeyError: 'url'`. Change the password: git's history and old images keep it.
    """
    if evidence.setup is None:
        return
    from migops.rules.url_in_ini import take_out
    from migops.sources.database_url import TEMPLATE  # only doctor asks

    for option in evidence.setup.config.options.values():
        if isinstance(option.value, str) and option.value != TEMPLATE and _PASSWORD.search(option.value):
            yield Match(
                Subject(path=str(option.at)),
                f"{option.name} has a password in it",
                f"{option.at}: a URL with user and password, as it stands there",
                None,
                {"option": option.name},
                (
                    *take_out(evidence, option, _env(evidence)),
                    Remedy("change the password: git's history and the images that were built keep the old one"),
                ),
            )


def no_database_url(evidence: Evidence) -> Iterator[Match]:
    """Nothing gives Alembic the database's URL.

    What: every command that connects dies: `KeyError: 'url'` where the option is missing, "Can't load plugin:
    sqlalchemy.dialects:driver" where it is still as `alembic init` wrote it.

    Why: `sqlalchemy.url` was taken out of the ini (or never filled in), and env.py makes its engine of the ini alone.

    Fix: let env.py set the URL from the service's environment.
    """
    env = _env(evidence)
    if evidence.setup is None or env is None:
        return
    from migops.migrations.env_url import url_source  # only doctor asks
    from migops.rules.url_in_ini import give
    from migops.sources.database_url import TEMPLATE

    option = evidence.setup.config.options.get("sqlalchemy.url")
    is_empty = option is None or (not option.error and option.value in (None, "", TEMPLATE))
    if is_empty and url_source(env.content.decode("utf-8", "replace")).needs_ini:
        at = str(option.at) if option else env.path
        missing = "is as `alembic init` wrote it" if option and option.value == TEMPLATE else "is not set"
        yield Match(
            Subject(path=at),
            f"nothing gives Alembic the database's URL: sqlalchemy.url {missing}",
            f"{env.path} makes its engine of the configuration file, and sets no URL itself",
            None,
            {"file": env.path},
            give(evidence, env),
        )


def percent_in_url(evidence: Evidence) -> Iterator[Match]:
    """The database's URL has a `%`, and env.py hands it to Alembic's configuration without doubling it.

    What: every command dies with "invalid interpolation syntax", on this machine and with this password only.

    Why: `set_main_option` writes into the ini's settings, where a `%` begins a reference to another option. A password
    with special characters has a `%` in a URL (`@` is `%40`).

    Fix: `set_main_option("sqlalchemy.url", url.replace("%", "%%"))`, or give the URL to `create_engine` directly.
    """
    url = evidence.setup.url if evidence.setup else None
    env = _env(evidence)
    if url is None or "%" not in url.text.replace("%%", "") or env is None:
        return
    from migops.migrations.env_script import undoubled  # only doctor asks

    for line, text in undoubled(env.content.decode("utf-8", "replace")):
        yield Match(
            Subject(path=f"{env.path}:{line}"),
            f"the database's URL has a %, and env.py does not double it: `{text}`",
            f"the URL is from {url.origin}; set_main_option reads it with interpolation",
            None,
            {"file": env.path, "line": line},
            (Remedy('write it with .replace("%", "%%"), or give the URL to create_engine directly'),),
        )


def deprecated_setting(evidence: Evidence) -> Iterator[Match]:
    """Alembic's configuration has a setting that is no longer used, or that Alembic never had.

    What: `version_path_separator` is passed over in favour of `path_separator` from Alembic 1.16 on, and will go.
    `version_num_format` does nothing at all.

    Why: the file was made by an older `alembic init`, or copied from advice on the net.

    Fix: `path_separator = os` in place of the first; take the second out (numbered files come from `file_template` and
    `--rev-id`).
    """
    options = evidence.setup.config.options if evidence.setup else {}
    old, useless = options.get("version_path_separator"), options.get("version_num_format")
    if old and "path_separator" not in options:
        yield _setting(old, "is deprecated since Alembic 1.16", "write path_separator in its place")
    if useless and not useless.error:  # one that Alembic dies on is MIG501's
        why = "take it out; numbered files come from file_template and --rev-id"
        yield _setting(useless, "is no setting of Alembic, and has no effect", why)


def target_metadata_none(evidence: Evidence) -> Iterator[Match]:
    """env.py leaves `target_metadata` at None, so that Alembic knows no models.

    What: `alembic revision --autogenerate` and `alembic check` stop with "Can't proceed with --autogenerate option".

    Why: env.py is as `alembic init` wrote it.

    Fix: import the models' Base there, and write `target_metadata = Base.metadata`.
    """
    env = _env(evidence)
    if evidence.setup is None or env is None:
        return
    from migops.migrations.env_script import line_of_none  # only doctor asks

    line = line_of_none(env.content.decode("utf-8", "replace"))
    if line:
        yield Match(
            Subject(path=f"{env.path}:{line}"),
            "env.py leaves target_metadata at None",
            f"{env.path}:{line}: nothing else is given to it",
            None,
            {"file": env.path, "line": line},
            (Remedy("in env.py: from yourapp.models import Base; target_metadata = Base.metadata"),),
        )


def model_not_imported(evidence: Evidence) -> Iterator[Match | Undetermined]:
    """A model is in no module that env.py imports, so that Alembic does not know its table.

    What: `alembic revision --autogenerate` leaves the model's changes out. Where its table exists, it writes a
    `drop_table`, with all the data in it.

    Why: a model maps its table when its module is imported, and env.py imports only the Base.

    Fix: import the model's module in env.py, or in the module that env.py has the Base from.
    """
    found = evidence.setup.unimported if evidence.setup else ()
    if isinstance(found, Unknown):
        yield Undetermined(found.reason)
        return
    files: dict[str, list[Model]] = {}
    for model in found:
        files.setdefault(model.at.file, []).append(model)
    for file, models in files.items():
        names = listed([model.name for model in models])
        yield Match(
            Subject(path=str(models[0].at)),
            f"{names} {'is a model' if len(models) == 1 else 'are models'} that env.py does not import",
            f"{file} is in none of the modules that env.py leads to",
            None,
            {"file": file, "models": [model.name for model in models]},
            (Remedy("import that module in env.py, or beside the Base that env.py imports"),),
        )


def _env(evidence: Evidence) -> MigrationFile | None:
    host = evidence.chain.held(PlaceName.HOST)
    return host.environment.get("env.py") if host else None


def _setting(option: Option, what: str, fix: str) -> Match:
    return Match(
        Subject(path=str(option.at)), f"{option.name} {what}", f"{option.at} sets it", None, {"option": option.name},
        (Remedy(fix),),
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
