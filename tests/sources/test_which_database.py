"""Which database a service's Alembic connects to, from whole projects: compose file, env.py and what it imports."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from migops import collect
from migops.collect.database_query import Ask, question
from migops.collect.state import Survey, host_home
from migops.compose import ComposeOptions
from migops.core.model import Unknown
from migops.sources.database import find_url
from migops.sources.database_url import Sought
from migops.target import Wanted, resolve

PASSWORD = "kAn4ry-s3cret"
ONLINE = "connectable = engine_from_config(config.get_section(config.config_ini_section), prefix='sqlalchemy.')\n"
HEAD = """\
import os
from alembic import context
from sqlalchemy import create_engine, engine_from_config
config = context.config
"""
SERVERS = "  shop-db: {image: 'mariadb:11'}\n  login-db: {image: 'postgres:15'}\n"
ONE = "  db: {image: 'postgres:15'}\n"
SHOP = "DB_HOST: shop-db, DB_USER: shop, DB_PASSWD: x9, DB_NAME: shop"
LOGIN = "POSTGRES_USER: login, POSTGRES_PASSWORD: login, POSTGRES_DB: login"


def which(
    folder: Path, environment: str, env_py: str, others: str = ONE, ini: str = "", app: str = "", more: str = "",
    files: Mapping[str, str] | None = None,
) -> Sought | Unknown:  # fmt: skip
    """The database of a project with one service ``app``. ``app`` is the text of app/config.py."""
    texts = {
        "compose.yaml": f"services:\n  app:\n    build: .\n    environment: {{{environment}}}\n{more}{others}",
        "Dockerfile": "FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\n",
        "alembic.ini": f"[alembic]\nscript_location = alembic\nprepend_sys_path = .\n{ini}\n",
        "alembic/env.py": HEAD + textwrap.dedent(env_py),
        "alembic/versions/a1.py": "revision = 'a1'\ndown_revision = None\n",
        "app/__init__.py": "",
        "app/config.py": textwrap.dedent(app),
        **(files or {}),
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    target = resolve(Wanted(service="app", needs_image=False), ComposeOptions(), {}, folder)
    held = collect.host(target).migrations
    return find_url(question(target, held, host_home(Survey(target)), None, None, {}, Ask()))


def sought(found: Sought | Unknown) -> Sought:
    assert isinstance(found, Sought), found
    return found


def unknown(found: Sought | Unknown) -> Unknown:
    assert isinstance(found, Unknown), found
    return found


SETTINGS = """
    from pydantic_settings import BaseSettings
    class Settings(BaseSettings):
        DB_HOST: str = "localhost"
        DB_USER: str
        DB_PASSWD: str
        DB_NAME: str
        @property
        def url(self):
            return f"mysql+pymysql://{self.DB_USER}:{self.DB_PASSWD}@{self.DB_HOST}/{self.DB_NAME}"
    settings = Settings()
"""
SETS = "from app.config import settings\nconfig.set_main_option('sqlalchemy.url', settings.url)\n" + ONLINE


def test_the_pieces_that_the_code_names_and_no_others(tmp_path: Path) -> None:
    """The login server's own variables are in the same environment."""
    found = sought(which(tmp_path, f"{LOGIN}, {SHOP}", SETS, SERVERS, app=SETTINGS))
    assert found.text == "mysql+pymysql://shop:x9@shop-db/shop"
    assert found.origin.startswith("DB_PASSWD, DB_HOST, DB_NAME, DB_USER, ")
    assert "compose.yaml:4" in found.origin


@pytest.mark.parametrize("environment", [LOGIN, f"{LOGIN}, {SHOP}", ""])
def test_two_kinds_of_servers_and_nothing_that_says_which(environment: str, tmp_path: Path) -> None:
    env_py = "from company.settings import url\nengine = create_engine(url)\n"
    found = unknown(which(tmp_path, environment, env_py, SERVERS))
    assert "company.settings" in found.reason
    assert "--database-url URL, or x-migops: {database-env: NAME}" in found.hint


def test_pieces_of_two_databases_are_not_chosen_between(tmp_path: Path) -> None:
    names = " ".join(each.partition(":")[0] for each in f"{LOGIN}, {SHOP}".split(", "))
    env_py = f"# {names} POSTGRES_HOST\nfrom company.settings import url\nengine = create_engine(url)\n"
    found = unknown(which(tmp_path, f"{LOGIN}, {SHOP}", env_py, SERVERS))
    assert "several services run a database server (shop-db, login-db)" in found.reason
    one = unknown(which(tmp_path / "two", f"{LOGIN}, POSTGRES_HOST: login-db, {SHOP}", env_py, SERVERS))
    assert "describe several databases" in one.reason
    assert "x9" not in one.reason


def test_a_guessed_host_is_said_to_be_guessed(tmp_path: Path) -> None:
    env_py = (
        "# POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB\nfrom company.settings import url\nengine = create_engine(url)\n"
    )
    found = sought(which(tmp_path, LOGIN, env_py))
    assert found.text == "postgresql://login:login@db/login"
    assert "the host is a guess: db is the only service with such a server" in found.origin


def test_a_variable_of_another_application_does_not_count(tmp_path: Path) -> None:
    found = sought(
        which(
            tmp_path,
            "DATABASE_URL: 'postgresql://u@login-db/login'",
            ONLINE,
            SERVERS,
            ini="sqlalchemy.url = mysql://u@shop-db/shop",
        )
    )
    assert found.text == "mysql://u@shop-db/shop"
    unsaid = unknown(which(tmp_path / "two", "DATABASE_URL: 'postgresql://u@login-db/login'", ONLINE, SERVERS))
    assert "takes the URL from sqlalchemy.url, which Alembic's configuration does not set" in unsaid.reason


def test_the_placeholder_is_no_database(tmp_path: Path) -> None:
    ini = "sqlalchemy.url = driver://user:pass@localhost/dbname"
    found = unknown(which(tmp_path, "DATABASE_URL: 'postgresql://u@db/d'", ONLINE, ini=ini))
    assert "alembic.ini:4: the URL is the placeholder that `alembic init` writes" in found.reason
    assert "--database-url" in found.hint
    env_py = "config.set_main_option('sqlalchemy.url', os.environ['DATABASE_URL'])\n" + ONLINE
    assert (
        sought(which(tmp_path / "two", "DATABASE_URL: 'postgresql://u@db/d'", env_py, ini=ini)).text
        == "postgresql://u@db/d"
    )


def test_localhost_of_the_configuration(tmp_path: Path) -> None:
    """With a server in the project, this machine's own server is another one; without, it is the one that is meant."""
    ini = "sqlalchemy.url = postgresql://u@localhost/d"
    assert sought(which(tmp_path, "", ONLINE, ini=ini)).inside
    own = sought(which(tmp_path / "two", "", ONLINE, others="", ini=ini))
    assert (own.text, own.inside) == ("postgresql://u@localhost/d", False)


@pytest.mark.parametrize(
    ("more", "loops"), [("", True), ("    network_mode: host\n", False), ("    network_mode: 'service:db'\n", False)]
)
def test_localhost_by_a_default_of_the_code(more: str, loops: bool, tmp_path: Path) -> None:
    app = "import os\nurl = f\"postgresql://u@{os.getenv('DB_HOST', 'localhost')}/d\"\n"
    found = which(tmp_path, "X: y", "from app.config import url\nengine = create_engine(url)\n", app=app, more=more)
    if not loops:
        assert sought(found).text == "postgresql://u@localhost/d"
        return
    assert "the host of the URL is localhost" in unknown(found).reason
    assert "is the container itself, where no database listens" in unknown(found).reason
    assert "set the host to the service db" in unknown(found).hint


def test_a_variable_that_nothing_sets_is_named(tmp_path: Path) -> None:
    found = unknown(which(tmp_path, f"DB_USER: u, DB_PASSWD: {PASSWORD}, {LOGIN}", SETS, app=SETTINGS))
    assert "env.py:6: the URL needs DB_NAME, which the service app does not set" in found.reason
    assert PASSWORD not in f"{found}"


@pytest.mark.parametrize(("ignored", "url"), [("", "postgresql://file@db/d"), (".env\n", "postgresql://default@db/d")])
def test_a_env_file_in_the_image(ignored: str, url: str, tmp_path: Path) -> None:
    app = """
        from pydantic_settings import BaseSettings, SettingsConfigDict
        class Settings(BaseSettings):
            model_config = SettingsConfigDict(env_file=".env")
            url: str = "postgresql://default@db/d"
        settings = Settings()
    """
    files = {".env": "URL=postgresql://file@db/d\n", ".dockerignore": ignored}
    found = sought(which(tmp_path, "X: y", SETS, app=app, files=files))
    assert found.text == url
    assert ("a .env file in the container" in found.origin) is not ignored


def test_a_flask_application(tmp_path: Path) -> None:
    env_py = """\
from flask import current_app
config.set_main_option('sqlalchemy.url', str(current_app.extensions['migrate'].db.engine.url))
"""
    app = """
        import os
        class Config:
            SQLALCHEMY_DATABASE_URI = os.environ.get("SHOP_DB") or "sqlite://"
        class TestingConfig(Config):
            SQLALCHEMY_DATABASE_URI = "sqlite:///test.db"
    """
    environment = "SHOP_DB: 'postgresql://u@db/shop', DATABASE_URL: 'postgresql://u@db/other'"
    assert sought(which(tmp_path, environment, env_py, app=app)).text == "postgresql://u@db/shop"
    several = app + "    class Reports(Config):\n            SQLALCHEMY_DATABASE_URI = 'postgresql://u@db/reports'\n"
    unsaid = unknown(which(tmp_path / "two", "X: y", env_py, app=several))
    assert "several settings of SQLALCHEMY_DATABASE_URI" in unsaid.reason


def test_code_that_sets_a_variable_itself(tmp_path: Path) -> None:
    env_py = "os.environ['DATABASE_URL'] = company()\nengine = create_engine(os.environ['DATABASE_URL'])\n"
    found = unknown(which(tmp_path, "DATABASE_URL: 'postgresql://u@db/d'", "from company import company\n" + env_py))
    assert "DATABASE_URL is set by the code itself" in found.reason


def test_what_the_user_says_comes_first(tmp_path: Path) -> None:
    more = "    x-migops: {database-env: OTHER}\n"
    found = sought(which(tmp_path, f"OTHER: 'postgresql://u@db/said', {SHOP}", SETS, SERVERS, app=SETTINGS, more=more))
    assert found.text == "postgresql://u@db/said"


ENV_FILES = """
    import os
    from pydantic_settings import BaseSettings, SettingsConfigDict
    class Settings(BaseSettings):
        model_config = SettingsConfigDict(env_file=NAMES)
        url: str = "postgresql://default@db/d"
    settings = Settings()
"""


@pytest.mark.parametrize(
    ("names", "url"),
    [('(".env", ".env.prod")', "postgresql://prod@db/d"), ('".env"', "postgresql://default@db/d"), ('".env.dev"', "")],
)
def test_env_files_of_other_names(names: str, url: str, tmp_path: Path) -> None:
    files = {".env.prod": "URL=postgresql://prod@db/d\n"}
    found = sought(which(tmp_path, "X: y", SETS, app=ENV_FILES.replace("NAMES", names), files=files))
    assert found.text == (url or "postgresql://default@db/d")


def test_an_env_file_whose_name_is_computed(tmp_path: Path) -> None:
    files = {".env.prod": "URL=postgresql://prod@db/d\n"}
    app = ENV_FILES.replace("NAMES", "f\".env.{os.environ['MODE']}\"")
    found = unknown(which(tmp_path, "X: y", SETS, app=app, files=files))
    assert "URL may come from an env file whose name is computed" in found.reason
    given = sought(which(tmp_path / "two", "URL: 'postgresql://service@db/d'", SETS, app=app, files=files))
    assert given.text == "postgresql://service@db/d"


@pytest.mark.parametrize(("kind", "is_known"), [("sqlite", False), ("SQLite+aiosqlite", False), ("postgres", True)])
def test_a_variable_that_says_the_database_is_a_file(tmp_path: Path, kind: str, is_known: bool) -> None:
    app = (
        "import os\nfrom company import url_for\nurl = url_for(os.environ['DB_ENGINE'], 'POSTGRES_USER POSTGRES_DB')\n"
    )
    env_py = "from app.config import url\nengine = create_engine(url)\n"
    found = which(tmp_path, f"DB_ENGINE: {kind}, POSTGRES_USER: u, POSTGRES_DB: d", env_py, app=app)
    if is_known:
        assert sought(found).text.startswith("postgresql://u@db")
    else:
        assert f"compose.yaml:4 is {kind}, and other variables describe a server" in unknown(found).reason


CHOSEN = """
    import os
    from dotenv import load_dotenv
    from pydantic_settings import BaseSettings
    load_dotenv(os.environ.get("SETTINGS_FROM", ".env"))
    class Settings(BaseSettings):
        url: str = "sqlite:///local.db"
    settings = Settings()
"""


def test_an_env_file_that_a_variable_chooses(tmp_path: Path) -> None:
    read = {".env.shop": "URL=postgresql://shop@db/d\n"}
    found = sought(which(tmp_path / "read", "SETTINGS_FROM: .env.shop", SETS, app=CHOSEN, files=read))
    assert found.text == "postgresql://shop@db/d"
    for name in ("config/.env-shop", "shop.env"):
        unread = unknown(which(tmp_path / name.replace("/", ""), f"SETTINGS_FROM: {name}", SETS, app=CHOSEN))
        assert f"URL may come from {name.rpartition('/')[2]}, which SETTINGS_FROM names" in unread.reason
    other = sought(which(tmp_path / "other", "NOTES_IN: shop.env", SETS, app=CHOSEN))
    assert other.text == "sqlite:///local.db", "the code does not name that variable"


def test_a_secret_that_the_settings_read(tmp_path: Path) -> None:
    app = ENV_FILES.replace("env_file=NAMES", 'secrets_dir="/run/secrets"')
    files = {"url.txt": PASSWORD}
    more = "    secrets: [url]\n"
    others = f"{ONE}secrets: {{url: {{file: ./url.txt}}}}\n"
    found = unknown(which(tmp_path, "X: y", SETS, others, app=app, files=files, more=more))
    assert "URL may come from a secret" in found.reason
    assert PASSWORD not in f"{found}"


SERVICE = "DATABASE_URL: 'postgresql://u:p@db/service'"
READS = "create_engine(os.getenv('DATABASE_URL', 'postgresql://u:p@db/default'))"


@pytest.mark.parametrize(
    ("before", "environment"),
    [
        ("os.environ.setdefault('DATABASE_URL', 'postgresql://u:p@db/set')", ""),
        ("os.environ.update(DATABASE_URL='postgresql://u:p@db/set')", SERVICE),
        ("os.environ.update({'DATABASE_URL': 'postgresql://u:p@db/set'})", SERVICE),
        ("os.environ.pop('DATABASE_URL')", SERVICE),
        ("del os.environ['DATABASE_URL']", SERVICE),
    ],
)
def test_a_variable_that_the_code_sets_or_removes_is_unknown(tmp_path: Path, before: str, environment: str) -> None:
    assert "is set by the code itself" in unknown(which(tmp_path, environment, f"{before}\n{READS}")).reason


def test_a_default_for_a_variable_that_the_service_sets_changes_nothing(tmp_path: Path) -> None:
    env_py = f"os.environ.setdefault('DATABASE_URL', 'sqlite://')\n{READS}"
    assert sought(which(tmp_path, SERVICE, env_py)).text.endswith("/service")


def test_an_engine_under_a_condition_beside_the_configurations_url(tmp_path: Path) -> None:
    env_py = """
        import sys
        if 'pytest' in sys.modules:
            engine = create_engine('postgresql://u:p@db/test')
        else:
            engine = engine_from_config(config.get_section('alembic'))
    """
    found = which(tmp_path, "", env_py, ini="sqlalchemy.url = postgresql://u:p@db/real")
    assert "under a condition that the text does not settle" in unknown(found).reason


@pytest.mark.parametrize(
    ("change", "name"),
    [(".replace('real', 'prod')", "prod"), (".replace('postgresql:', 'postgresql+asyncpg:')", "real")],
)
def test_a_url_made_of_the_configurations(tmp_path: Path, change: str, name: str) -> None:
    env_py = f"create_engine(config.get_main_option('sqlalchemy.url'){change})"
    found = which(tmp_path, "", env_py, ini="sqlalchemy.url = postgresql://u:p@db/real")
    assert sought(found).text.endswith(f"@db/{name}")


def test_the_arguments_of_the_services_alembic_may_choose_the_database(tmp_path: Path) -> None:
    env_py = "create_engine('postgresql://u:p@db/' + context.get_x_argument(as_dictionary=True).get('env', 'dev'))"
    assert sought(which(tmp_path, "", env_py)).text.endswith("/dev")
    given = "    x-migops: {alembic: alembic -x env=prod}\n"
    assert "the -x of the service's Alembic" in unknown(which(tmp_path, "", env_py, more=given)).reason


@pytest.mark.parametrize(
    ("names", "more", "database"),
    [
        ("'.env.prod'", "DATABASE_URL=postgresql://u:p@db/prod", "prod"),
        ("'.env.prod'", "", "default"),
        ("('.env', '.env.prod')", "", "file"),
        ("('.env', '.env.prod')", "DATABASE_URL=postgresql://u:p@db/prod", ""),
    ],
)
def test_only_the_env_files_that_the_settings_name_count(tmp_path: Path, names: str, more: str, database: str) -> None:
    app = f"""
        from pydantic_settings import BaseSettings
        class Settings(BaseSettings):
            model_config = {{'env_file': {names}}}
            DATABASE_URL: str = 'postgresql://u:p@db/default'
        settings = Settings()
    """
    env_py = "from app.config import settings\ncreate_engine(settings.DATABASE_URL)"
    files = {".env": "DATABASE_URL=postgresql://u:p@db/file\n", ".env.prod": f"{more}\n"}
    found = which(tmp_path, "", env_py, app=app, files=files)
    if database:
        assert sought(found).text.endswith(f"/{database}")
    else:
        assert "is in .env and .env.prod, each with another value" in unknown(found).reason


def test_an_env_file_that_outranks_the_service(tmp_path: Path) -> None:
    env_py = f"from dotenv import load_dotenv\nload_dotenv(override=True)\n{READS}"
    files = {".env": "DATABASE_URL=postgresql://u:p@db/file\n"}
    assert "which outranks it" in unknown(which(tmp_path, SERVICE, env_py, files=files)).reason


def test_the_url_of_a_database_beside_it_is_not_taken_by_its_name(tmp_path: Path) -> None:
    app = "import boto3, os\nLEGACY = os.environ['LEGACY_DATABASE_URL']\nURL = boto3.client('x').url()\n"
    env_py = "from app.config import URL\ncreate_engine(URL)"
    found = which(tmp_path, "LEGACY_DATABASE_URL: 'postgresql://u:p@legacy/old'", env_py, app=app)
    assert "boto3" in unknown(found).reason


def test_a_url_that_only_the_code_names_must_be_a_databases(tmp_path: Path) -> None:
    app = "import os\nBILLING = os.environ['BILLING_URL']\nURL = open('/etc/url').read()\n"
    env_py = "from app.config import URL\ncreate_engine(URL)"
    found = which(tmp_path, "BILLING_URL: 'postgresql://u:p@db/billing'", env_py, app=app)
    assert "it depends on open" in unknown(found).reason


@pytest.mark.parametrize("owner", ["settings", "Settings", "config"])
def test_an_attribute_that_env_py_sets_is_not_what_the_code_says(tmp_path: Path, owner: str) -> None:
    app = "class Settings:\n    url = 'postgresql://u:p@db/a'\nsettings = Settings()\nurl = Settings.url\n"
    env_py = f"""
        from app import config
        from app.config import Settings, settings
        {owner}.url = os.getenv('OTHER') or 'postgresql://u:p@db/b'
        create_engine({owner}.url)
    """
    assert "sets url" in unknown(which(tmp_path, "", env_py, app=app)).reason
    assert sought(which(tmp_path, "", env_py.replace(".url = ", ".echo = "), app=app)).text.endswith("/a")


KEPT = "    x-migops: {entrypoint: keep}\n"


@pytest.mark.parametrize(("kept", "is_known"), [("", True), (KEPT, False)])
def test_a_kept_entrypoint_may_set_what_the_service_does_not(tmp_path: Path, kept: str, is_known: bool) -> None:
    env_py = "engine = create_engine(os.getenv('APP_DSN', 'postgresql://u:p@db/usual'))\n"
    found = which(tmp_path, "OTHER: x", env_py, more=kept)
    assert isinstance(found, Sought) == is_known
    if not is_known:
        assert "APP_DSN may be set by the entrypoint" in unknown(found).reason
    said = which(tmp_path, "APP_DSN: 'postgresql://u:p@db/said'", env_py, more=kept)
    assert sought(said).text == "postgresql://u:p@db/said"
