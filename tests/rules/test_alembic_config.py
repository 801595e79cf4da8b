"""MIG503-506 through doctor: what configuration and env.py say, held to Alembic's own word where it has one."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from alembic.config import Config

from migops.migrations.env_script import line_of_none, undoubled
from tests.cases.shop import COMPOSE, INI, Shop
from tests.kit import migops

SECRET = "kAn4ry-s3cret"
SETS_URL = 'import os\nfrom alembic import context\nconfig = context.config\nurl = os.environ["DATABASE_URL"]\n'
SETS_URL += 'config.set_main_option("sqlalchemy.url", url)\n'


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop.at(tmp_path).line("001")


def test_a_password_in_the_ini(shop: Shop) -> None:
    shop.write("alembic.ini", INI + f"sqlalchemy.url = postgresql://shop:{SECRET}@db/shop\n")
    found = migops("doctor", "--no-engine", "--format", "json", cwd=shop.folder)
    assert found.rules == ["MIG503"]
    assert found.json["findings"][0]["subject"]["path"].endswith("alembic.ini:4")
    assert SECRET not in found.stdout + found.stderr


@pytest.mark.parametrize(
    "url", ["driver://user:pass@localhost/dbname", "postgresql://db/shop", "postgresql://shop@db/shop", ""]
)
def test_a_url_without_a_password_of_anyone(shop: Shop, url: str) -> None:
    shop.write("alembic.ini", f"{INI}sqlalchemy.url = {url}\n")
    assert shop.doctor().said == ()


READS_INI = """from alembic import context
from sqlalchemy import engine_from_config
config = context.config
engine = engine_from_config(config.get_section(config.config_ini_section, {}), prefix="sqlalchemy.")
"""
SECRET_INI = f"{INI}sqlalchemy.url = postgresql://shop:{SECRET}@db/shop\n"


def test_the_password_goes_only_after_env_py_has_the_url_from_elsewhere(shop: Shop) -> None:
    shop.write("alembic.ini", SECRET_INI).write("migrations/env.py", READS_INI)
    shop.write("compose.yaml", COMPOSE + "    environment: {DB: 'postgresql+asyncpg://a:b@db/a'}\n")
    fix = shop.doctor().of("MIG503").fix
    line = 'config.set_main_option("sqlalchemy.url", os.environ["DB"].replace("postgresql+asyncpg://", "postgresql://")'
    assert line in fix
    assert fix.index(line) < fix.index("delete sqlalchemy.url from")
    shop.write("migrations/env.py", READS_INI.replace("engine =", f'import os\n{line}.replace("%", "%%"))\nengine ='))
    fix = shop.doctor().of("MIG503").fix
    assert fix.startswith("delete sqlalchemy.url from"), "env.py was made to read it"
    assert "env.py:5 sets the URL itself from DB" in fix


def test_a_variable_that_the_service_does_not_have(shop: Shop) -> None:
    shop.write("alembic.ini", SECRET_INI).write("migrations/env.py", READS_INI + SETS_URL)
    fix = shop.doctor().of("MIG503").fix
    assert fix.startswith("under app: environment: set DATABASE_URL")
    assert "delete sqlalchemy.url from" in fix


@pytest.mark.parametrize("option", ["", "sqlalchemy.url =\n", "sqlalchemy.url = driver://user:pass@localhost/dbname\n"])
def test_nothing_gives_alembic_the_url(shop: Shop, option: str) -> None:
    shop.write("alembic.ini", INI + option).write("migrations/env.py", READS_INI)
    said = shop.doctor().of("MIG508")
    assert "sqlalchemy.url is" in said.text
    assert 'os.environ["DATABASE_URL"]' in said.fix
    assert "under app: environment: DATABASE_URL" in said.fix


@pytest.mark.parametrize(
    "env",
    [
        READS_INI + SETS_URL,
        READS_INI.replace(
            "engine =", "section = config.get_section('alembic')\nsection['sqlalchemy.url'] = 'x'\nengine ="
        ),
        "from app.db import engine\nwith engine.connect() as c: pass\n",
        READS_INI + "url = context.get_x_argument(as_dictionary=True)['url']\n",
        READS_INI.replace('prefix="sqlalchemy."', 'prefix="sqlalchemy.", url=settings.url'),
        "from alembic import context\nconnectable = context.config.attributes.get('connection')\n" + READS_INI,
        "def (",
        "",
    ],
)
def test_a_url_from_elsewhere_is_no_finding(shop: Shop, env: str) -> None:
    shop.write("migrations/env.py", env)
    assert "MIG508" not in [each.name for each in shop.doctor().said]


@pytest.mark.parametrize(
    ("code", "is_told"),
    [
        ('cfg = Config()\ncfg.set_main_option("sqlalchemy.url", settings.url)\nupgrade(cfg, "head")\n', False),
        ("cfg = Config('alembic.ini')\ncfg.attributes['connection'] = connection\n", False),
        ('cfg = Config("alembic.ini")\ncfg.set_main_option("script_location", "migrations")\n', True),
        ('url = cfg.get_main_option("sqlalchemy.url")\n', True),
    ],
)
def test_code_that_runs_alembic_with_its_own_url(shop: Shop, code: str, is_told: bool) -> None:
    shop.write("alembic.ini", INI).write("migrations/env.py", READS_INI).write("app/upgrade.py", code)
    said = [each.name for each in shop.doctor().said]
    assert ("MIG508" in said) is is_told


def test_a_percent_sign_on_its_way_into_the_configuration(shop: Shop) -> None:
    shop.write("migrations/env.py", SETS_URL)
    shop.write("compose.yaml", COMPOSE + "    environment: {DATABASE_URL: 'postgresql://a:1%2C@db/a'}\n")
    said = shop.doctor().of("MIG504")
    assert "compose.yaml:4" in said.text
    assert "1%2C" not in said.text
    with pytest.raises(ValueError, match="invalid interpolation syntax"):  # Alembic's own word
        Config(str(shop.folder / "alembic.ini")).set_main_option("sqlalchemy.url", "postgresql://a:1%2C@db/a")


def test_no_percent_sign_no_finding(shop: Shop) -> None:
    shop.write("migrations/env.py", SETS_URL)
    shop.write("compose.yaml", COMPOSE + "    environment: {DATABASE_URL: 'postgresql://a:b@db/a'}\n")
    assert shop.doctor().said == ()


@pytest.mark.parametrize(
    "source",
    [
        'config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))',
        'url = os.environ["U"].replace("%", "%%")\nconfig.set_main_option("sqlalchemy.url", url)',
        'def get_url():\n    return re.sub("%", "%%", U)\nconfig.set_main_option("sqlalchemy.url", get_url())',
        'def url():\n    a = U.replace("%", "%%")\n    return a\nconfig.set_main_option("sqlalchemy.url", url())',
        'config.set_main_option("script_location", url)',
        "config.set_main_option()",
        "def (",
    ],
)
def test_what_is_doubled_or_no_url(source: str) -> None:
    assert list(undoubled(source)) == []


def test_a_setting_that_alembic_calls_deprecated(shop: Shop) -> None:
    ini = "[alembic]\nscript_location = migrations\nversion_path_separator = os\nversion_num_format = %%04d\n"
    said = shop.write("alembic.ini", ini).doctor().of("MIG505")
    assert "version_path_separator is deprecated" in said.text
    assert "version_num_format is not a setting of Alembic" in said.text
    shop.write("alembic.ini", ini + "version_locations = migrations/versions\n")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        Config(str(shop.folder / "alembic.ini")).get_version_locations_list()
    assert "version_path_separator configuration parameter is deprecated" in str(told[0].message)
    assert shop.write("alembic.ini", INI).doctor().said == ()


def test_no_models(shop: Shop) -> None:
    shop.write("migrations/env.py", "target_metadata = None\ncontext.configure(target_metadata=target_metadata)\n")
    said = shop.write("models.py", "Base = declarative_base()\n").doctor().of("MIG506")
    assert "env.py:1" in said.text
    assert "target_metadata = Base.metadata" in said.fix


@pytest.mark.parametrize(
    "source",
    [
        "target_metadata = Base.metadata\n",
        "target_metadata = None\ndef run():\n    global target_metadata\n    target_metadata = load()\n",
        "target_metadata = None\ncontext.configure(target_metadata=get_metadata())\n",
        "",
    ],
)
def test_models_that_come_some_other_way(source: str) -> None:
    assert line_of_none(source) == 0


def test_a_model_that_env_py_does_not_import(shop: Shop) -> None:
    model = "from models import Base\nclass {}(Base):\n    __tablename__ = 'x'\n"
    shop.write("catalog.py", model.format("Product") + model.format("Category"))
    shop.write("tests/fake.py", model.format("F"))
    said = shop.doctor().of("MIG507")
    assert "Product and Category are models that env.py does not import" in said.text
    assert "F" not in said.text.split()
    shop.write("migrations/env.py", "import catalog\n" + (shop.folder / "migrations/env.py").read_text())
    assert shop.doctor().said == ()
