"""The URL that env.py ends with, followed in the text of the code that it imports."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from migops.sources.project_code import ProjectCode
from migops.sources.settings.env_database import FromIni, NotSettled, Url, url_of
from migops.sources.settings.evaluate import Evaluator
from migops.sources.settings.values import Environment

PIECES = {"POSTGRES_USER": "u", "POSTGRES_PASSWORD": "p@s", "POSTGRES_SERVER": "pg", "POSTGRES_DB": "shop"}


def followed(
    folder: Path, env_py: str, files: Mapping[str, str], values: Mapping[str, str], ini: Mapping[str, str] | None = None
) -> Url | FromIni | NotSettled:
    for name, text in {"alembic/env.py": env_py, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))
    env = folder / "alembic/env.py"
    code = Evaluator(ProjectCode((folder,)), Environment(values, (ini or {}).get, service="app"))
    return url_of(code, code.module(env), code.code.tree(env))


def sets(expression: str, *imports: str) -> str:
    """An env.py that sets the URL to this expression."""
    lines = ("from alembic import context", *imports, "config = context.config")
    return "\n".join((*lines, f"config.set_main_option('sqlalchemy.url', {expression})", ONLINE))


ONLINE = """
def run_migrations_offline():
    context.configure(url=config.get_main_option("sqlalchemy.url"))

def run_migrations_online():
    connectable = engine_from_config(config.get_section(config.config_ini_section, {}), prefix="sqlalchemy.")
    with connectable.connect() as connection:
        context.configure(connection=connection)

if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()
"""
SETTINGS = "from app.config import settings"
PYDANTIC = "from pydantic_settings import BaseSettings, SettingsConfigDict\nfrom pydantic import Field\n"

SETTLED = {
    "environ": (
        sets('os.environ["DATABASE_URL"]', "import os"),
        {},
        {"DATABASE_URL": "postgresql://a"},
        "postgresql://a",
    ),
    "getenv": (
        sets('getenv("DATABASE_DSN")', "from os import getenv"),
        {},
        {"DATABASE_DSN": "postgresql://a"},
        "postgresql://a",
    ),
    "a default": (
        sets('os.getenv("X", "postgresql://d")', "import os"),
        {},
        {"DATABASE_URL": "postgresql://a"},
        "postgresql://d",
    ),
    "or": (
        sets('os.environ.get("X") or os.environ.get("DATABASE_URL")', "import os"),
        {},
        {"DATABASE_URL": "mysql://a"},
        "mysql://a",
    ),
    "doubled percent signs": (
        sets('os.environ["DATABASE_URL"].replace("%", "%%")', "import os"),
        {},
        {"DATABASE_URL": "postgresql://u:a%40b@h/d"},
        "postgresql://u:a%40b@h/d",
    ),
    "another scheme": (
        sets(
            "url",
            "import os",
            "url = os.environ['DATABASE_URL']",
            "if url.startswith('postgres://'):",
            "    url = url.replace('postgres://', 'postgresql://', 1)",
        ),
        {},
        {"DATABASE_URL": "postgres://a"},
        "postgresql://a",
    ),
    "an f-string of pieces with a prefix": (
        sets(
            "f\"postgresql://{U}:{P}@{H}:{os.getenv('AUTH_DB_PORT', 5432)}/{N}\"",
            "import os",
            *(f"{n[0]} = os.environ['AUTH_DB_{n}']" for n in ("USER", "PASSWORD", "HOST", "NAME")),
        ),
        {},
        {"AUTH_DB_USER": "u", "AUTH_DB_PASSWORD": "p", "AUTH_DB_HOST": "auth-db", "AUTH_DB_NAME": "auth"},
        "postgresql://u:p@auth-db:5432/auth",
    ),
    "format": (
        sets(
            '"postgresql://{}@{h}/d".format(os.environ["U"], h="db")',
            "import os",
        ),
        {},
        {"U": "u"},
        "postgresql://u@db/d",
    ),
    "percent": (
        sets('"postgresql://%s@%s/d" % (os.environ["U"], "db")', "import os"),
        {},
        {"U": "u"},
        "postgresql://u@db/d",
    ),
    "a module of constants": (
        sets("config_.URL", "from app import config as config_"),
        {
            "app/__init__.py": "",
            "app/config.py": 'import os\nHOST = os.getenv("DB_HOST", "db")\nURL = f"postgresql://u@{HOST}/d"\n',
        },
        {},
        "postgresql://u@db/d",
    ),
    "a function": (
        sets("get_url()", "from app.config import get_url"),
        {
            "app/config.py": """\
import os
def get_url(name="d"):
    host = os.environ.get("DB_HOST")
    if host is None:
        return "sqlite://"
    return f"postgresql://u@{host}/{name}"
"""
        },
        {"DB_HOST": "db"},
        "postgresql://u@db/d",
    ),
    "a settings class": (
        sets("settings.database_url", SETTINGS),
        {"app/config.py": f"{PYDANTIC}class Settings(BaseSettings):\n    database_url: str\nsettings = Settings()\n"},
        {"DATABASE_URL": "postgresql://a"},
        "postgresql://a",
    ),
    "a settings class with a prefix": (
        sets("str(settings.dsn)", SETTINGS),
        {
            "app/config.py": f"""\
{PYDANTIC}class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix='SHOP_')
    dsn: str = 'x'
settings = Settings()
"""
        },
        {"SHOP_DSN": "postgresql://a", "DSN": "postgresql://other"},
        "postgresql://a",
    ),
    "a settings class with an inner Config": (
        sets("settings.dsn", SETTINGS),
        {
            "app/config.py": f"""\
{PYDANTIC}class Settings(BaseSettings):
    dsn: str = 'x'
    class Config:
        env_prefix = 'SHOP_'
settings = Settings()
"""
        },
        {"SHOP_DSN": "postgresql://a"},
        "postgresql://a",
    ),
    "Field(env=…)": (
        sets("settings.dsn", SETTINGS),
        {
            "app/config.py": f"""\
{PYDANTIC}class Settings(BaseSettings):
    dsn: str = Field(..., env='MY_DB')
settings = Settings()
"""
        },
        {"MY_DB": "postgresql://a", "DSN": "postgresql://other"},
        "postgresql://a",
    ),
    "a validation alias": (
        sets("settings.dsn", SETTINGS),
        {
            "app/config.py": f"""\
{PYDANTIC}from pydantic import AliasChoices
class Settings(BaseSettings):
    dsn: str = Field(validation_alias=AliasChoices('A', 'MY_DB'))
settings = Settings()
"""
        },
        {"MY_DB": "postgresql://a"},
        "postgresql://a",
    ),
    "a property with an f-string": (
        sets("settings.url", SETTINGS),
        {
            "app/config.py": f"""\
{PYDANTIC}class Settings(BaseSettings):
    DB_HOST: str = 'localhost'
    DB_PASSWD: str
    DB_PORT: int = 5432
    @property
    def url(self) -> str:
        return f'postgresql+asyncpg://u:{{self.DB_PASSWD}}@{{self.DB_HOST}}:{{self.DB_PORT}}/d'
settings = Settings()
"""
        },
        {"DB_HOST": "pg", "DB_PASSWD": "x9"},
        "postgresql+asyncpg://u:x9@pg:5432/d",
    ),
    "URL.create": (
        sets("settings.url.render_as_string(hide_password=False)", SETTINGS),
        {
            "app/config.py": f"""\
{PYDANTIC}from sqlalchemy import URL
class Settings(BaseSettings):
    POSTGRESQL_HOST: str
    POSTGRESQL_PASSWORD: str
    @property
    def url(self):
        return URL.create(
            'postgresql+psycopg',
            username='u',
            password=self.POSTGRESQL_PASSWORD,
            host=self.POSTGRESQL_HOST,
            database='d',
        )
settings = Settings()
"""
        },
        {"POSTGRESQL_HOST": "pg", "POSTGRESQL_PASSWORD": "a@b"},
        "postgresql+psycopg://u:a%40b@pg/d",
    ),
    "PostgresDsn.build in a computed field": (
        sets("str(settings.SQLALCHEMY_DATABASE_URI)", SETTINGS),
        {
            "app/config.py": f"""\
{PYDANTIC}from pydantic import PostgresDsn, computed_field
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file='.env')
    POSTGRES_SERVER: str
    POSTGRES_PORT: int = 5432
    POSTGRES_USER: str
    POSTGRES_PASSWORD: str = ''
    POSTGRES_DB: str = ''
    @computed_field
    @property
    def SQLALCHEMY_DATABASE_URI(self) -> PostgresDsn:
        return PostgresDsn.build(
            scheme='postgresql+psycopg',
            username=self.POSTGRES_USER,
            password=self.POSTGRES_PASSWORD,
            host=self.POSTGRES_SERVER,
            port=self.POSTGRES_PORT,
            path=self.POSTGRES_DB,
        )
settings = Settings()
"""
        },
        PIECES,
        "postgresql+psycopg://u:p%40s@pg:5432/shop",
    ),
    "a validator that builds it": (
        sets("str(settings.SQLALCHEMY_DATABASE_URI)", SETTINGS),
        {
            "app/config.py": """\
from typing import Optional
from pydantic import BaseSettings, PostgresDsn, validator
class Settings(BaseSettings):
    POSTGRES_SERVER: str
    POSTGRES_USER: str
    POSTGRES_PASSWORD: str
    POSTGRES_DB: str
    SQLALCHEMY_DATABASE_URI: Optional[PostgresDsn] = None
    @validator('SQLALCHEMY_DATABASE_URI', pre=True)
    def assemble(cls, v, values):
        if isinstance(v, str):
            return v
        return PostgresDsn.build(
            scheme='postgresql',
            user=values.get('POSTGRES_USER'),
            password=values.get('POSTGRES_PASSWORD'),
            host=values.get('POSTGRES_SERVER'),
            path=f"/{values.get('POSTGRES_DB') or ''}",
        )
settings = Settings()
"""
        },
        PIECES,
        "postgresql://u:p%40s@pg/shop",
    ),
    "a nested group": (
        sets("settings.db.url", SETTINGS),
        {
            "app/config.py": f"""\
{PYDANTIC}from pydantic import BaseModel
class Database(BaseModel):
    host: str = 'localhost'
    @property
    def url(self):
        return f'postgresql://u@{{self.host}}/d'
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_nested_delimiter='__', env_prefix='APP_')
    db: Database = Database()
settings = Settings()
"""
        },
        {"APP_DB__HOST": "pg"},
        "postgresql://u@pg/d",
    ),
    "a cached factory": (
        sets("get_settings().database_url", "from app.config import get_settings"),
        {
            "app/config.py": f"""\
{PYDANTIC}from functools import lru_cache
class Settings(BaseSettings):
    database_url: str = 'sqlite://'
@lru_cache
def get_settings() -> Settings:
    return Settings()
"""
        },
        {"DATABASE_URL": "postgresql://a"},
        "postgresql://a",
    ),
    "a plain class": (
        sets("Config.URL", "from app.config import Config"),
        {
            "app/config.py": """\
import os
class Base:
    HOST = os.getenv('DB_HOST', 'db')
class Config(Base):
    URL = f"postgresql://u@{os.getenv('DB_HOST', 'db')}/d"
"""
        },
        {},
        "postgresql://u@db/d",
    ),
    "a plain instance": (
        sets("settings.url", SETTINGS),
        {
            "app/config.py": """\
import os
class Settings:
    def __init__(self):
        self.host = os.getenv('DB_HOST', 'db')
        self.url = f'postgresql://u@{self.host}/d'
settings = Settings()
"""
        },
        {},
        "postgresql://u@db/d",
    ),
    "decouple": (
        sets("config_('DB_DSN', default='sqlite://')", "from decouple import config as config_"),
        {},
        {"DB_DSN": "postgresql://a"},
        "postgresql://a",
    ),
    "environs": (
        sets("env.str('DB_DSN')", "from environs import Env", "env = Env()", "env.read_env()"),
        {},
        {"DB_DSN": "postgresql://a"},
        "postgresql://a",
    ),
    "starlette": (
        sets("str(URL)", "from app.config import URL"),
        {
            "app/config.py": """\
from starlette.config import Config
from starlette.datastructures import Secret
config = Config('.env')
URL = config('DB_DSN', cast=str, default='sqlite://')
"""
        },
        {"DB_DSN": "postgresql://a"},
        "postgresql://a",
    ),
    "an engine of the application": (
        """\
from alembic import context
from app.db import engine
with engine.connect() as connection:
    context.configure(connection=connection)
""",
        {
            "app/db.py": """\
import os
from sqlalchemy import create_engine
from .config import URL
engine = create_engine(URL, pool_pre_ping=True)
""",
            "app/__init__.py": "",
            "app/config.py": "import os\nURL = os.environ['SQLALCHEMY_DATABASE_URI']\n",
        },
        {"SQLALCHEMY_DATABASE_URI": "postgresql://a"},
        "postgresql://a",
    ),
    "an engine of env.py": (
        """\
from alembic import context
from sqlalchemy import create_engine
engine = create_engine('sqlite:///real.db')
with engine.connect() as c:
    context.configure(connection=c)
""",
        {},
        {"DATABASE_URL": "postgresql://a"},
        "sqlite:///real.db",
    ),
    "the section's own key": (
        """\
import os
from alembic import context
config = context.config
def get_url():
    return os.environ['MY_URL']
def run_migrations_online():
    configuration = config.get_section(config.config_ini_section)
    configuration['sqlalchemy.url'] = get_url()
    connectable = engine_from_config(configuration)
    with connectable.connect() as c:
        context.configure(connection=c)
""",
        {},
        {"MY_URL": "postgresql://a"},
        "postgresql://a",
    ),
    "an async engine": (
        sets("x", "import os", "x = 'postgresql+asyncpg://a'").replace(
            "engine_from_config(", "async_engine_from_config("
        ),
        {},
        {},
        "postgresql+asyncpg://a",
    ),
    "a condition on the environment": (
        sets(
            "url",
            "import os",
            "if os.getenv('TESTING') == '1':",
            "    url = 'sqlite://'",
            "else:",
            "    url = os.environ['DATABASE_URL']",
        ),
        {},
        {"DATABASE_URL": "postgresql://a"},
        "postgresql://a",
    ),
    "-x is not given": (
        sets("context.get_x_argument(as_dictionary=True).get('url') or os.environ['DATABASE_URL']", "import os"),
        {},
        {"DATABASE_URL": "postgresql://a"},
        "postgresql://a",
    ),
    "a dataclass": (
        sets("settings.url", SETTINGS),
        {
            "app/config.py": """\
import os
from dataclasses import dataclass, field
@dataclass
class Settings:
    url: str = field(default_factory=lambda: os.getenv('DATABASE_URL', 'sqlite://'))
settings = Settings()
"""
        },
        {"DATABASE_URL": "postgresql://a"},
        "postgresql://a",
    ),
}


@pytest.mark.parametrize("case", SETTLED)
def test_it_is_followed(case: str, tmp_path: Path) -> None:
    env_py, files, values, url = SETTLED[case]
    result = followed(tmp_path, env_py, files, values)
    assert isinstance(result, Url), result
    assert result.text == url


NOT_SETTLED = {
    "a variable that nothing sets": (sets('os.environ["DATABASE_URL"]', "import os"), {}, {}, "DATABASE_URL"),
    "a field that nothing sets": (
        sets("settings.database_url", SETTINGS),
        {"app/config.py": f"{PYDANTIC}class Settings(BaseSettings):\n    database_url: str\nsettings = Settings()\n"},
        {},
        "DATABASE_URL",
    ),
    "one piece that nothing sets": (sets("f\"postgresql://u@{os.environ['H']}/d\"", "import os"), {}, {}, "H"),
    "a library's settings": (
        sets("settings.url", "from company.settings import settings"),
        {},
        {"DATABASE_URL": "postgresql://a"},
        "company.settings",
    ),
    "a library's function": (
        sets("read('DATABASE_URL')", "from company import read"),
        {},
        {"DATABASE_URL": "postgresql://a"},
        "company.read",
    ),
    "a condition that is not settled": (
        sets("url", "from company import flag", "url = 'postgresql://a'", "if flag():", "    url = 'postgresql://b'"),
        {},
        {},
        "condition",
    ),
    "two engines": (
        """\
from sqlalchemy import create_engine
for_app = create_engine('postgresql://a')
for_logs = create_engine('postgresql://b')
""",
        {},
        {},
        "several",
    ),
    "a file that is read": (sets("open('/run/secrets/url').read()"), {}, {}, "open"),
    "a loop": (sets("url", "url = ''", "for each in ('a', 'b'):", "    url += each"), {}, {}, "loop"),
    "itself": (sets("f()", "def f():", "    return f()"), {}, {}, "too deep"),
    "an argument": (
        """\
def online(url):
    engine = create_engine(url)
    with engine.connect() as c:
        pass
online(company())
""",
        {},
        {},
        "url",
    ),
    "nothing at all": ("import app.run\n", {}, {"DATABASE_URL": "postgresql://a"}, "no engine"),
}


@pytest.mark.parametrize("case", NOT_SETTLED)
def test_it_is_not_guessed(case: str, tmp_path: Path) -> None:
    env_py, files, values, reason = NOT_SETTLED[case]
    result = followed(tmp_path, env_py, files, values)
    assert isinstance(result, NotSettled), result
    assert reason in f"{result.reason} {result.missing}"


@pytest.mark.parametrize("condition", ["True", "context.config.config_file_name is not None"])
def test_the_configurations_own_url(condition: str, tmp_path: Path) -> None:
    env_py = sets("os.environ['X']", "import os").replace("config.set_main", f"if not ({condition}): config.set_main")
    assert isinstance(followed(tmp_path, env_py, {}, {"DATABASE_URL": "postgresql://a"}), FromIni)


def test_the_configurations_own_url_through_an_engine(tmp_path: Path) -> None:
    env_py = """\
from alembic import context
url = context.config.get_main_option('sqlalchemy.url')
engine = create_engine(url)
"""
    assert isinstance(followed(tmp_path, env_py, {}, {}, {"sqlalchemy.url": "postgresql://ini"}), FromIni)


def test_a_variable_over_the_configuration(tmp_path: Path) -> None:
    env_py = """\
import os
from alembic import context
url = os.getenv('MY_URL') or context.config.get_main_option('sqlalchemy.url')
engine = create_engine(url)
"""
    ini = {"sqlalchemy.url": "postgresql://ini"}
    result = followed(tmp_path, env_py, {}, {"MY_URL": "postgresql://a"}, ini)
    assert isinstance(result, Url)
    assert (result.text, result.used) == ("postgresql://a", ("MY_URL",))
    assert isinstance(followed(tmp_path, env_py, {}, {"DATABASE_URL": "postgresql://b"}, ini), FromIni)


def test_a_name_that_is_bound_again(tmp_path: Path) -> None:
    env_py = sets(
        "url", "import os", "host = os.environ['A']", "url = f'postgresql://{host}/d'", "host = os.environ['B']"
    )
    result = followed(tmp_path, env_py, {}, {"A": "a", "B": "b"})
    assert isinstance(result, Url)
    assert (result.text, result.used) == ("postgresql://a/d", ("A",))


def test_no_value_is_in_what_is_shown(tmp_path: Path) -> None:
    env_py = sets("os.environ['URL']", "import os")
    result = followed(tmp_path, env_py, {}, {"URL": "postgresql://u:kAn4ry@a/d"})
    assert "kAn4ry" not in repr(result)


@pytest.mark.parametrize(
    ("lines", "url"),
    [
        (
            ("try:", "    url = os.environ['A']", "except KeyError:", "    url = 'postgresql://none'"),
            "postgresql://none",
        ),
        (("try:", "    url = os.environ['B']", "except KeyError:", "    url = 'postgresql://none'"), "postgresql://b"),
        (("url = 'postgresql://a'", "url += '?x=1'"), "postgresql://a?x=1"),
        (("url = dict(a=os.environ['B'])['a']",), "postgresql://b"),
        (
            ("URLS = {'dev': 'sqlite://', 'prod': os.environ['B']}", "url = URLS[os.getenv('ENV', 'prod')]"),
            "postgresql://b",
        ),
        (("url, more = os.environ['B'], 1",), "postgresql://b"),
        (
            ("user, password = os.environ['C'].split(':')", "url = f'postgresql://{user}@h/{password}'"),
            "postgresql://u@h/p",
        ),
        (
            ("from decouple import config as c", "url = 'x://' if c('F', cast=bool) else os.environ['B']"),
            "postgresql://b",
        ),
    ],
)
def test_statements(lines: tuple[str, ...], url: str, tmp_path: Path) -> None:
    result = followed(tmp_path, sets("url", "import os", *lines), {}, {"B": "postgresql://b", "C": "u:p", "F": "False"})
    assert isinstance(result, Url), result
    assert result.text == url


def test_the_last_url_that_is_set_counts(tmp_path: Path) -> None:
    env_py = sets("'postgresql://first'").replace(
        "def run_", "config.set_main_option('sqlalchemy.url', 'postgresql://last')\ndef run_", 1
    )
    result = followed(tmp_path, env_py, {}, {})
    assert isinstance(result, Url)
    assert result.text == "postgresql://last"


def test_a_method_that_may_change_a_field_is_not_ignored(tmp_path: Path) -> None:
    body = """\
    url: str = 'postgresql://a'
    @model_validator(mode='after')
    def late(self):
        self.url = company(self)
        return self
"""
    files = {
        "app/config.py": f"""\
{PYDANTIC}from pydantic import model_validator
class Settings(BaseSettings):
{body}settings = Settings()
"""
    }
    result = followed(tmp_path, sets("settings.url", SETTINGS), files, {})
    assert isinstance(result, NotSettled)
    assert "config.py:7 (late) may set url" in result.reason


DATABASE = """\
import os
from dataclasses import dataclass
@dataclass
class Database:
    host: str
    @classmethod
    def from_env(cls):
        return cls(host=os.environ['H'])
    @property
    def url(self):
        return f'postgresql://{self.host}/d'
settings = Database.from_env()
"""
SENSITIVE = f"""\
{PYDANTIC}
class Settings(BaseSettings):
    model_config = SettingsConfigDict(case_sensitive=True)
    url: str = 'postgresql://default'
settings = Settings()
"""
GROUP = f"""\
{PYDANTIC}
class Database(BaseSettings):
    model_config = SettingsConfigDict(env_prefix='DB_')
    host: str = 'localhost'
class Settings(BaseSettings):
    db: Database = Field(default_factory=Database)
    @property
    def url(self):
        return f'postgresql://{{self.db.host}}/d'
settings = Settings()
"""


@pytest.mark.parametrize(
    ("app", "url"),
    [
        (DATABASE, "postgresql://pg/d"),
        (SENSITIVE, "postgresql://default"),
        (SENSITIVE.replace("True", "False"), "postgresql://other"),
        (GROUP, "postgresql://db/d"),
    ],
)
def test_classes(app: str, url: str, tmp_path: Path) -> None:
    values = {"H": "pg", "URL": "postgresql://other", "DB_HOST": "db", "HOST": "wrong"}
    result = followed(tmp_path, sets("settings.url", SETTINGS), {"app/config.py": app}, values)
    assert isinstance(result, Url), result
    assert result.text == url


def test_a_prefix_for_some_lines(tmp_path: Path) -> None:
    lines = ("from environs import Env", "env = Env()", "with env.prefixed('DB_'):", "    url = env.str('URL')")
    values = {"URL": "postgresql://wrong", "DB_URL": "postgresql://right"}
    result = followed(tmp_path, sets("url", *lines), {}, values)
    assert isinstance(result, Url), result
    assert result.text == "postgresql://right"
    after = followed(tmp_path, sets("env.str('URL')", *lines), {}, values)
    assert isinstance(after, Url), after
    assert after.text == "postgresql://wrong"
