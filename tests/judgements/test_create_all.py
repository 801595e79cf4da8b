"""MIG601: a create_all is told only where a service's start reaches it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.judgements.project import URL, Project

CREATES = "Base.metadata.create_all(engine)\n"
INIT_DB = "from app.models import Base\ndef init_db(engine):\n    Base.metadata.create_all(engine)\n"
ASYNC = "from app.models import Base\nasync def init_db():\n    async with engine.begin() as c:\n"
ASYNC += "        await c.run_sync(Base.metadata.create_all)\n"
LIFESPAN = "from fastapi import FastAPI\nfrom app.db import init_db\nasync def lifespan(app):\n    await init_db()\n"
LIFESPAN += "    yield\napp = FastAPI(lifespan=lifespan)\n"
FACTORY = "from app.db import init_db\ndef create_app():\n    init_db(1)\n"
AS_MAIN = "from app.db import init_db\nif __name__ == '__main__':\n    init_db(1)\n"
CLICK = "@click.command()\ndef create():\n    "
FLASK_COMMAND = "app = Flask(__name__)\n@app.cli.command('init')\ndef init():\n    db.create_all()\n"
BY_ASYNCIO = "import asyncio\nfrom app.db import init_db\nasyncio.run(init_db())\n"
ON_EVENT = "from app.db import init_db\n@app.on_event('startup')\nasync def f():\n    await init_db()\n"
BY_DEFAULT = "import os\nif os.environ.get('AUTO', 'true') == 'true':\n    db.create_all()\n"
BY_CONSTANT = "import os\nAUTO = os.getenv('AUTO', '0').lower() in ('1', 'true')\nif AUTO:\n    db.create_all()\n"
BY_RETURN = "import os\ndef go():\n    if not os.getenv('AUTO'):\n        return\n    db.create_all()\ngo()\n"
OF_SQLITE = "if engine.dialect.name == 'sqlite':\n    db.create_all()\n"
BY_STARLETTE = (
    "from starlette.config import Config\nconfig = Config('.env')\n"
    "if config('AUTO', cast=bool, default=False):\n    db.create_all()\n"
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.at(tmp_path)


REACHED = {
    "top level": {"app/main.py": "from app.models import Base\n" + CREATES},
    "an import": {"app/main.py": "import app.db\n", "app/db.py": CREATES},
    "a package": {"app/__init__.py": CREATES},
    "a relative import": {"app/main.py": "from .db import init_db\ninit_db(1)\n", "app/db.py": INIT_DB},
    "a module's function": {"app/main.py": "from app import db\ndb.init_db(1)\n", "app/db.py": INIT_DB},
    "asyncio": {"app/main.py": BY_ASYNCIO, "app/db.py": ASYNC},
    "a class": {
        "app/main.py": "from app.db import database\ndatabase.create_database()\n",
        "app/db.py": "class Database:\n    def create_database(self):\n        Base.metadata.create_all(self.engine)\n"
        "database = Database()\n",
    },
    "an object of unknown class": {
        "app/main.py": "from app.db import Database\ndef go(container):\n    container.db().create_database()\ngo(1)\n",
        "app/db.py": "class Database:\n    def create_database(self):\n        Base.metadata.create_all(self.engine)\n",
    },
    "__main__": {"app/main.py": AS_MAIN, "app/db.py": INIT_DB},
    "re-exported": {
        "app/main.py": "from app.core import init_db\ninit_db(1)\n",
        "app/core.py": "from app.db import *\n",
        "app/db.py": INIT_DB,
    },
}


@pytest.mark.parametrize("files", REACHED.values(), ids=REACHED)
def test_what_the_start_reaches(project: Project, files: dict[str, str]) -> None:
    for name, text in files.items():
        project.write(name, text)
    assert project.doctor("MIG601").rules == ["MIG601"]


UNREACHED = {
    "nobody calls it": {"app/db.py": INIT_DB},
    "imported, not called": {"app/main.py": "from app.db import init_db\n", "app/db.py": INIT_DB},
    "a click command": {"app/main.py": "import app.cli\n", "app/cli.py": CLICK + CREATES},
    "a flask command": {"app/main.py": FLASK_COMMAND},
    "a route": {"app/main.py": "@app.post('/reset')\ndef reset():\n    db.create_all()\n"},
    "type checking": {"app/main.py": "if TYPE_CHECKING:\n    import app.db\n", "app/db.py": CREATES},
    "a shutdown handler": {"app/main.py": "@app.on_event('shutdown')\ndef f():\n    db.create_all()\n"},
    "after a return": {"app/main.py": "def f():\n    return 1\n    db.create_all()\nf()\n"},
    "tests": {"tests/conftest.py": CREATES},
    "a stamp follows": {"app/main.py": "from alembic import command\ndb.create_all()\ncommand.stamp(config, 'head')\n"},
    "a stamp in another function": {
        "app/main.py": "from alembic import command\ndef make():\n    db.create_all()\ndef note():\n"
        "    command.stamp(c, 'head')\nmake()\nnote()\n"
    },
}


@pytest.mark.parametrize("files", UNREACHED.values(), ids=UNREACHED)
def test_what_no_start_reaches(project: Project, files: dict[str, str]) -> None:
    for name, text in files.items():
        project.write(name, text)
    judged = project.doctor("MIG601")
    assert (judged.rules, judged.reasons("MIG601")) == ([], [])


@pytest.mark.parametrize(
    ("command", "main", "db"),
    [
        ("uvicorn app.main:app", LIFESPAN, ASYNC),
        ("gunicorn -k uvicorn.workers.UvicornWorker app.main:app", LIFESPAN, ASYNC),
        ("fastapi run app/main.py", LIFESPAN, ASYNC),
        ("uvicorn app.main:app", LIFESPAN.replace("lifespan=lifespan", "on_startup=[init_db]"), ASYNC),
        ("uvicorn app.main:app", ON_EVENT, ASYNC),
        ("uvicorn app.main:app", "from app.db import init_db\napp.add_event_handler('startup', init_db)\n", ASYNC),
        ("uvicorn app.main:create_app --factory", FACTORY, INIT_DB),
        ("gunicorn 'app.main:create_app()'", FACTORY, INIT_DB),
        ("flask --app app.main run", FACTORY, INIT_DB),
        ("python -m flask --app app.main run", FACTORY, INIT_DB),
        (
            "flask --app app.main init-db",
            "from app.db import init_db\napp = 1\n@app.cli.command('init-db')\ndef f():\n    init_db(1)\n",
            INIT_DB,
        ),
        ("celery -A app.main worker", "from app.db import init_db\ninit_db(1)\n", INIT_DB),
        (
            "sh -c 'python -m app.main create-all && sleep infinity'",
            "import click\n@click.command()\ndef create_all():\n    db.create_all()\n",
            "",
        ),
        ("poetry run uvicorn app.main:app", LIFESPAN, ASYNC),
    ],
)
def test_the_ways_to_start(project: Project, command: str, main: str, db: str) -> None:
    project.compose("entrypoint: []", f"command: {command}").write("app/main.py", main).write("app/db.py", db)
    assert project.doctor("MIG601").rules == ["MIG601"]


@pytest.mark.parametrize(
    ("command", "main"),
    [
        ("uvicorn app.main:app", AS_MAIN),
        ("uvicorn app.main:app", FACTORY),
        ("uvicorn app.main:app", "from app.db import init_db\napp.add_event_handler('shutdown', init_db)\n"),
        (
            "flask --app app.main run",
            "from app.db import init_db\napp = 1\n@app.cli.command('init-db')\ndef f():\n    init_db(1)\n",
        ),
    ],
)
def test_near_misses_of_the_ways_to_start(project: Project, command: str, main: str) -> None:
    project.compose("entrypoint: []", f"command: {command}").write("app/main.py", main).write("app/db.py", INIT_DB)
    judged = project.doctor("MIG601")
    assert (judged.rules, judged.reasons("MIG601")) == ([], [])


SETTINGS = """\
from pydantic_settings import BaseSettings, SettingsConfigDict
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SHOP_")
    create_all: bool = False
    database_url: str = "sqlite:///x.db"
settings = Settings()
"""
BY_SETTINGS = "from app.config import settings\nif settings.create_all:\n    db.create_all()\n"


@pytest.mark.parametrize(
    ("environment", "main", "rules"),
    [
        ("{AUTO: 'false'}", BY_DEFAULT, []),
        ("{AUTO: 'true'}", BY_DEFAULT, ["MIG601"]),
        ("{}", BY_DEFAULT, ["MIG601"]),
        ("{}", "import os\nif os.getenv('AUTO'):\n    db.create_all()\n", []),
        ("{}", BY_CONSTANT, []),
        ("{AUTO: 'True'}", BY_CONSTANT, ["MIG601"]),
        ("{}", BY_RETURN, []),
        ("{AUTO: x}", BY_RETURN, ["MIG601"]),
        ("{}", BY_SETTINGS, []),
        ("{SHOP_CREATE_ALL: 'yes'}", BY_SETTINGS, ["MIG601"]),
        ("{SHOP_CREATE_ALL: 'no'}", BY_SETTINGS, []),
        ("{CREATE_ALL: 'yes'}", BY_SETTINGS, []),
        (
            f"{{SHOP_DATABASE_URL: '{URL}'}}",
            "from app.config import settings\nif settings.database_url.startswith('sqlite'):\n    db.create_all()\n",
            [],
        ),
        (f"{{DATABASE_URL: '{URL}'}}", OF_SQLITE, []),
        (f"{{DATABASE_URL: '{URL}'}}", "if engine.url.drivername.startswith('sqlite'):\n    db.create_all()\n", []),
        (f"{{DATABASE_URL: '{URL}'}}", "if 'sqlite' not in str(engine.url):\n    db.create_all()\n", ["MIG601"]),
        (f"{{DATABASE_URL: '{URL}'}}", "if engine.dialect.name != 'sqlite':\n    db.create_all()\n", ["MIG601"]),
        ("{DATABASE_URL: 'sqlite:////data/x.db'}", OF_SQLITE, ["MIG601"]),
        ("{}", BY_STARLETTE, []),
        ("{}", "if not inspect(engine).has_table('item'):\n    db.create_all()\n", ["MIG601"]),
    ],
)
def test_flags_and_kinds_of_database(project: Project, environment: str, main: str, rules: list[str]) -> None:
    project.compose(f"environment: {environment}").write("app/config.py", SETTINGS).write("app/main.py", main)
    judged = project.doctor("MIG601")
    assert (judged.rules, judged.reasons("MIG601")) == (rules, [])


@pytest.mark.parametrize(
    "main",
    [
        "if settings.create_all:\n    db.create_all()\n",
        "import argparse\nargs = argparse.ArgumentParser().parse_args()\nif args.create:\n    db.create_all()\n",
        "def go():\n    if not app.config['CREATE']:\n        return\n    db.create_all()\ngo()\n",
    ],
)
def test_a_flag_that_is_not_known_is_not_judged(project: Project, main: str) -> None:
    judged = project.write("app/main.py", main).doctor("MIG601")
    assert judged.rules == []
    assert "whose value is not known" in judged.reasons("MIG601")[0]


def test_a_flag_in_the_env_file_beside_the_code(project: Project) -> None:
    project.write("app/main.py", "import os\nif os.getenv('AUTO'):\n    db.create_all()\n").write(".env", "AUTO=1\n")
    assert project.doctor("MIG601").rules == ["MIG601"]


def test_code_that_is_only_mounted(project: Project) -> None:
    project.write(
        "Dockerfile",
        "FROM python:3.11-slim\nWORKDIR /app\nCOPY alembic alembic\nCOPY alembic.ini .\n"
        'CMD ["python", "-m", "app.main"]\n',
    )
    project.write("app/main.py", "from app.db import init_db\ninit_db(1)\n").write("app/db.py", INIT_DB)
    assert project.doctor("MIG601").rules == [], "nothing brings the code into the container"
    judged = project.compose("volumes: ['./app:/app/app']").doctor("MIG601")
    assert judged.rules == ["MIG601"]
    assert judged.of("MIG601")["subject"]["path"] == f"{project.folder}/app/db.py:3"


def test_a_start_that_cannot_be_followed_is_not_judged(project: Project) -> None:
    project.write("app/db.py", INIT_DB).compose("entrypoint: []", "command: make run")
    judged = project.doctor("MIG601")
    assert judged.rules == []
    assert "not known whether it reaches the create_all of" in judged.reasons("MIG601")[0]
    (project.folder / "app/db.py").unlink()
    assert project.doctor("MIG601").reasons("MIG601") == [], "without a create_all there is nothing to say"


def test_a_stamp_in_the_start_script(project: Project) -> None:
    project.write("make.py", "db.create_all()\n")
    assert project.start("set -e\npython make.py\nexec python -m app.main\n").doctor("MIG601").rules == ["MIG601"]
    stamped = "set -e\npython make.py\nalembic stamp head\nexec python -m app.main\n"
    assert project.start(stamped).doctor("MIG601").rules == []


def test_a_setting_of_the_shell(project: Project) -> None:
    text = 'set -e\nif [ "$CREATE" = yes ]; then python make.py; fi\nexec python -m app.main\n'
    project.write("make.py", "db.create_all()\n").start(text)
    assert project.doctor("MIG601").rules == [], "nobody sets it"
    assert project.start(text, "environment: {CREATE: 'yes'}").doctor("MIG601").rules == ["MIG601"]
