"""Projects in the shapes that public ones have, in words of our own.

Each function gives a project as its files by path. ``docs/first-contact.md`` tells of the public projects.
"""

from __future__ import annotations

from collections.abc import Mapping

Files = dict[str, str]

POSTGRES = """\
  store:
    image: postgres:16
    environment: {POSTGRES_USER: ada, POSTGRES_PASSWORD: k9Vq2mTz, POSTGRES_DB: shop}
    volumes: ["shelf:/var/lib/postgresql/data"]
    healthcheck: {test: [CMD, pg_isready, -h, 127.0.0.1, -U, ada]}
"""
VOLUMES = "volumes: {shelf: {}}\n"
READY = "    depends_on: {store: {condition: service_healthy}}\n"
URL = "postgresql://ada:k9Vq2mTz@store/shop"


def app_files(
    at: str = "", scripts: str = "migrations", location: str | None = None, ini: str = "alembic.ini"
) -> Files:
    """Alembic's files and a Dockerfile that copies them all; below ``at``, with the scripts in the folder ``scripts``.

    ``location`` is script_location as the configuration has it, if it is not ``scripts``.
    """
    return {
        f"{at}{ini}": f"[alembic]\nscript_location = {location or scripts}\nprepend_sys_path = .\n",
        f"{at}{scripts}/env.py": env_py('os.environ["DATABASE_URL"]', "import os"),
        f"{at}{scripts}/versions/0a1_users.py": revision("0a1", None, "users"),
        f"{at}{scripts}/versions/0b2_orders.py": revision("0b2", "0a1", "orders"),
        f"{at}shop/__init__.py": "",
        f"{at}shop/models.py": models(),
        f"{at}Dockerfile": dockerfile('CMD ["uvicorn", "shop.main:app"]'),
        f"{at}requirements.txt": "alembic\nuvicorn\n",
    }


def dockerfile(start: str) -> str:
    return f"FROM python:3.12-slim\nWORKDIR /srv\nCOPY . .\nRUN pip install -r requirements.txt\n{start}\n"


def revision(number: str, parent: str | None, table: str) -> str:
    return (
        f'"""Add {table}."""\nimport sqlalchemy as sa\nfrom alembic import op\n\nrevision = "{number}"\n'
        f"down_revision = {parent!r}\n\n\ndef upgrade():\n"
        f'    op.create_table("{table}", sa.Column("id", sa.Integer, primary_key=True))\n\n\n'
        f'def downgrade():\n    op.drop_table("{table}")\n'
    )


def models() -> str:
    tables = "".join(
        f'\n\nclass {name.title()}(Base):\n    __tablename__ = "{name}"\n    id = Column(Integer, primary_key=True)\n'
        for name in ("users", "orders")
    )
    return (
        "from sqlalchemy import Column, Integer\nfrom sqlalchemy.orm import DeclarativeBase\n\n\n"
        f"class Base(DeclarativeBase):\n    pass\n{tables}"
    )


def env_py(url: str, imports: str) -> str:
    return (
        f"from alembic import context\nfrom sqlalchemy import engine_from_config, pool\n{imports}\n\n"
        "from shop.models import Base\n\nconfig = context.config\ntarget_metadata = Base.metadata\n"
        f'config.set_main_option("sqlalchemy.url", {url})\n\n'
        'engine = engine_from_config(config.get_section("alembic"), prefix="sqlalchemy.", poolclass=pool.NullPool)\n'
        "with engine.connect() as connection:\n"
        "    context.configure(connection=connection, target_metadata=target_metadata)\n"
        "    with context.begin_transaction():\n        context.run_migrations()\n"
    )


def services(*parts: str) -> str:
    return "services:\n" + "".join(parts) + VOLUMES


def service(name: str = "web", build: str = ".", more: str = "", ready: str = READY) -> str:
    return f"  {name}:\n    build: {build}\n{more}{ready}"


def set_url() -> str:
    return f"    environment: {{DATABASE_URL: {URL}}}\n"


def plain() -> Files:
    """The control: nothing to say about it."""
    return app_files() | {"compose.yaml": services(POSTGRES, service(more=set_url()))}


def missing_env_file() -> Files:
    """``.env`` is not in git, its example is; every service names it."""
    named = "    env_file: [.env]\n"
    return app_files() | {
        ".env.example": f"DATABASE_URL={URL}\n",
        ".gitignore": ".env\n",
        "docker-compose.yml": services(POSTGRES.replace("    volumes", named + "    volumes"), service(more=named)),
    }


def required_variable() -> Files:
    """A variable without a default that nobody has set yet."""
    asked = "    environment:\n      DATABASE_URL: " + URL.replace("k9Vq2mTz", "${SECRET:?say it}") + "\n"
    return app_files() | {".env.example": "SECRET=k9Vq2mTz\n", "compose.yaml": services(POSTGRES, service(more=asked))}


def compose_below(folder: str = "docker/") -> Files:
    """The only compose file lies in a folder of its own and builds the folder above."""
    build = "{context: .., dockerfile: docker/Dockerfile}"
    files = app_files()
    files[f"{folder}Dockerfile"] = files.pop("Dockerfile")
    return files | {f"{folder}docker-compose.yml": services(POSTGRES, service(build=build, more=set_url()))}


def two_compose_files() -> Files:
    """Two compose files, neither in the root nor preferred by compose."""
    text = services(POSTGRES, service(build="../..", more=set_url()))
    return app_files() | {"deploy/compose/docker-compose.yml": text, "deploy/compose/docker-compose.prod.yml": text}


def servers_only() -> Files:
    """The compose file starts the database alone; the image is built beside it from docker/Dockerfile."""
    files = app_files()
    files["docker/Dockerfile"] = files.pop("Dockerfile")
    return files | {"docker-compose.yml": services(POSTGRES)}


def published_image() -> Files:
    """The compose file is for users of the published image; its Dockerfile lies beside it."""
    published = f"  web:\n    image: ghcr.io/ada/shop:latest\n{set_url()}{READY}"
    return app_files() | {"docker-compose.yml": services(POSTGRES, published)}


def frontend_first() -> Files:
    """A frontend and a backend of one folder; only the backend's image gets the scripts."""
    two = service("front", "{context: ., dockerfile: front.Dockerfile}", ready="") + service("api", more=set_url())
    return app_files() | {
        "front.Dockerfile": "FROM node:20\nWORKDIR /srv\nCOPY front/package.json .\nCMD [npm, start]\n",
        "front/package.json": "{}\n",
        "compose.yaml": services(POSTGRES, two),
    }


def package_folder() -> Files:
    """The configuration lies inside the package, script_location counts from the root."""
    return app_files(scripts="shop/db", ini="shop/alembic.ini") | {
        "compose.yaml": services(POSTGRES, service(more=set_url()))
    }


def no_configuration() -> Files:
    """Code makes the configuration; no ini is anywhere."""
    files = app_files(scripts="shop/db")
    del files["alembic.ini"]
    return files | {"compose.yaml": services(POSTGRES, service(more=set_url()))}


def sibling_image() -> Files:
    """One service builds the image that two others only name."""
    named = "    image: shop:local\n"
    others = "".join(f"  {name}:\n{named}    command: {run}\n{set_url()}{READY}" for name, run in _SIBLINGS.items())
    return app_files() | {"compose.yaml": services(POSTGRES, service(more=named + set_url()), others)}


_SIBLINGS: Mapping[str, str] = {"mail": "python -m shop.mail", "rota": "celery -A shop.rota worker"}


def python_wait() -> Files:
    """The start waits in Python until the server answers, then migrates."""
    waits = (
        "import os\nimport time\n\nimport psycopg\n\nwhile True:\n    try:\n"
        '        psycopg.connect(os.environ["DATABASE_URL"]).close()\n        break\n'
        "    except psycopg.OperationalError:\n        time.sleep(1)\n"
    )
    start = "#!/bin/sh\nset -e\npython shop/ready.py\nalembic upgrade head\nexec uvicorn shop.main:app\n"
    return app_files() | {
        "Dockerfile": dockerfile('CMD ["sh", "start.sh"]'),
        "start.sh": start,
        "shop/ready.py": waits,
        "compose.yaml": services(POSTGRES, service(more=set_url(), ready="    depends_on: [store]\n")),
    }


def goes_on_after_failure() -> Files:
    """A true fault: the application starts even if the migration failed."""
    return app_files() | {
        "Dockerfile": dockerfile('CMD ["sh", "-c", "alembic upgrade head; uvicorn shop.main:app"]'),
        "compose.yaml": services(POSTGRES, service(more=set_url())),
    }


def same_word_thrice() -> Files:
    """A true fault with a trap: user and database have the password's word as their name, and keep it."""
    words = POSTGRES.replace("ada", "postgres").replace("k9Vq2mTz", "postgres").replace("shop", "postgres")
    url = set_url().replace(URL, "postgresql://postgres:postgres@store/postgres")
    return app_files() | {"compose.yaml": services(words, service(more=url))}
