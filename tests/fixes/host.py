"""States of the host's own files and of git: edits and git commands, without an engine."""

from __future__ import annotations

from tests.cases.shop import COMPOSE, ENV, INI, READS_INI, Shop
from tests.fixes.state import Edit, State, nothing, replace
from tests.kit import git

VERSIONS = "migrations/versions/"
WITH_ENV = COMPOSE + "    environment: {DATABASE_URL: 'postgresql://shop:canary1@db:5432/shop'}\n"
IN_INI = "sqlalchemy.url = postgresql://shop:canary1@db:5432/shop\n"
DATABASE = "  db:\n    image: postgres:15\n    environment: {POSTGRES_USER: shop, POSTGRES_DB: shop}\n"
READS = (
    "import os\nfrom alembic import context\nfrom models import Base\nconfig = context.config\n"
    'config.set_main_option("sqlalchemy.url", os.environ["DATABASE_URL"])\ntarget_metadata = Base.metadata\n'
)


def commit(shop: Shop) -> None:
    git(shop.folder, "add", "-u")
    git(shop.folder, "commit", "-q", "--allow-empty", "-m", "what the fix says")


def missing_parent(shop: Shop) -> None:
    shop.line("a1", "b2").revision("c3", "0123")


def duplicate(shop: Shop) -> None:
    shop.line("a1", "b2").revision("b2", "a1", file="copied")


def cycle(shop: Shop) -> None:
    shop.revision("a1", "b2").revision("b2", "a1")


def unreadable(shop: Shop) -> None:
    shop.line("a1").write("migrations/versions/b2.py", "revision = = 1\n")


def no_downgrade(shop: Shop) -> None:
    text = 'revision = "a1"\ndown_revision = None\ndef upgrade():\n    op.execute("1")\n\ndef downgrade():\n    pass\n'
    shop.write("migrations/versions/a1.py", text)


def long_id(shop: Shop) -> None:
    shop.line("a1", "b" * 40)


def rename_long(shop: Shop) -> None:
    (shop.folder / f"migrations/versions/{'b' * 40}.py").unlink()
    shop.revision("b2", "a1")


def percent(shop: Shop) -> None:
    shop.line("a1").write("alembic.ini", INI + "sqlalchemy.url = postgresql://a:1%2C@db/a\n")
    shop.write("migrations/env.py", ENV + READS_INI)


def no_folder(shop: Shop) -> None:
    shop.line("a1").write("alembic.ini", INI.replace("= migrations", "= migration"))


def in_ini(shop: Shop) -> None:
    shop.line("a1").write("compose.yaml", WITH_ENV).write("migrations/env.py", READS)
    shop.write("alembic.ini", INI + IN_INI)


def percent_in_url(shop: Shop) -> None:
    shop.line("a1").write("compose.yaml", WITH_ENV.replace("canary1", "can%40ary")).write("migrations/env.py", READS)


def no_metadata(shop: Shop) -> None:
    shop.line("a1").write("compose.yaml", WITH_ENV)
    shop.write("migrations/env.py", READS.replace("Base.metadata", "None"))
    shop.write("models.py", "from sqlalchemy.orm import DeclarativeBase\nclass Base(DeclarativeBase): ...\n")


def not_imported(shop: Shop) -> None:
    shop.line("a1").write("compose.yaml", WITH_ENV).write("migrations/env.py", READS)
    shop.write("models.py", "from sqlalchemy.orm import DeclarativeBase\nclass Base(DeclarativeBase): ...\n")
    shop.write("orders.py", "from models import Base\nclass Order(Base):\n    __tablename__ = 'orders'\n")


def no_url(shop: Shop) -> None:
    shop.line("a1").write("migrations/env.py", READS.replace('os.environ["DATABASE_URL"]', '""')).write(
        "compose.yaml", WITH_ENV)  # fmt: skip
    shop.write("migrations/env.py", ENGINE)


ENGINE = (
    "from alembic import context\nfrom sqlalchemy import engine_from_config\nfrom models import Base\n"
    "config = context.config\ntarget_metadata = Base.metadata\n"
    "engine = engine_from_config(config.get_section(config.config_ini_section), prefix='sqlalchemy.')\n"
)


def reads_it(shop: Shop) -> None:
    line = 'import os; config.set_main_option("sqlalchemy.url", os.environ["DATABASE_URL"].replace("%", "%%"))\n'
    replace("migrations/env.py", "config = context.config\n", f"config = context.config\n{line}")(shop)


def untracked(shop: Shop) -> None:
    shop.line("a1").committed()
    shop.revision("b2", "a1")


def uncommitted(shop: Shop) -> None:
    shop.line("a1").committed()
    shop.revision("a1", message="edited")


def ignored(shop: Shop) -> None:
    shop.line("a1").write(".gitignore", "b*.py\n").committed()
    shop.revision("b2", "a1")


def behind(shop: Shop) -> None:
    shop.line("a1").committed()
    other = shop.folder.with_name("upstream")
    git(shop.folder.parent, "clone", "-q", "--bare", str(shop.folder), str(other))
    git(shop.folder, "remote", "add", "origin", str(other))
    work = Shop(shop.folder.with_name("work"))
    git(shop.folder.parent, "clone", "-q", str(other), str(work.folder))
    work.revision("b2", "a1").committed()
    git(work.folder, "push", "-q")
    git(shop.folder, "fetch", "-q", "origin")
    git(shop.folder, "branch", "-q", "--set-upstream-to=origin/main")


def edited_after_applied(shop: Shop) -> None:
    shop.line("a1").committed().database("a1")
    shop.revision("a1", message="edited")


def deleted_but_applied(shop: Shop) -> None:
    shop.line("a1", "b2").committed().database("b2")
    shop.without("b2")
    git(shop.folder, "commit", "-q", "-a", "-m", "drop b2")


def unready(shop: Shop) -> None:
    text = (
        WITH_ENV + "    depends_on: [db]\n    command: sh -c 'alembic upgrade head && exec python main.py'\n" + DATABASE
    )
    shop.line("a1").write("compose.yaml", text).write("migrations/env.py", READS)


def ready(shop: Shop) -> None:
    replace("compose.yaml", "depends_on: [db]", "depends_on: {db: {condition: service_healthy}}")(shop)


def healthcheck(shop: Shop) -> None:
    check = "    healthcheck: {test: [CMD, pg_isready, -h, 127.0.0.1, -U, shop, -d, shop]}\n"
    replace("compose.yaml", "    image: postgres:15\n", f"    image: postgres:15\n{check}")(shop)


def socket_only(shop: Shop) -> None:
    check = "    healthcheck: {test: [CMD-SHELL, pg_isready -U shop]}\n    volumes: ['data:/var/lib/postgresql/data']\n"
    shop.line("a1").write("compose.yaml", WITH_ENV + DATABASE + check + "volumes: {data: {}}\n")


def migrates(shop: Shop) -> None:
    start = "    command: sh -c 'alembic upgrade head && exec python main.py'\n"
    shop.line("a1").write("compose.yaml", WITH_ENV + start).write("migrations/env.py", READS)


def swallowed(shop: Shop) -> None:
    start = "    command: sh -c 'alembic upgrade head || true; exec python main.py'\n"
    shop.line("a1").write("compose.yaml", COMPOSE + start)


def migrates_in_build(shop: Shop) -> None:
    shop.line("a1").write("compose.yaml", WITH_ENV).write("migrations/env.py", READS)
    replace("Dockerfile", "COPY . .\n", "COPY . .\nRUN alembic upgrade head\n")(shop)


def async_url(shop: Shop) -> None:
    shop.line("a1").write("compose.yaml", WITH_ENV.replace("postgresql:", "postgresql+asyncpg:"))
    shop.write("migrations/env.py", ENGINE)
    reads_it(shop)


def early_lock(shop: Shop) -> None:
    shop.line("a1").write("compose.yaml", WITH_ENV).write("migrations/env.py", READS + LOCKS_FIRST)


_BODY = (
    "with engine.connect() as connection:\n    connection.execute(text('SELECT pg_advisory_lock(1)'))\n"
    "    context.configure(connection=connection)\n    context.run_migrations()\n"
)
LOCKS_FIRST = "def run():\n" + "".join(f"    {line}\n" for line in _BODY.splitlines())


def starts_with(words: str) -> Edit:
    def edit(shop: Shop) -> None:
        start = f"    command: sh -c '{words}; exec python main.py'\n"
        shop.line("a1").write("compose.yaml", WITH_ENV + start).write("migrations/env.py", READS)

    return edit


STAMPS, MAKES = "alembic stamp head", "alembic revision --autogenerate -m auto"
DELETES = 'psql -c "DELETE FROM alembic_version"'

OF_DATABASE = ("status", "--no-engine", "--database-url", "{url}")

STATES = (
    State("MIG107", migrates_in_build, {"delete it from": replace("Dockerfile", "RUN alembic upgrade head\n", "")}),
    State("MIG302", missing_parent, {"": replace("migrations/versions/c3.py", "'0123'", "'b2'")}),
    State("MIG303", duplicate, {"": lambda shop: shop.without("copied")}),
    State("MIG304", cycle, unsaid=lambda shop: shop.revision("a1")),
    State("MIG305", nothing, unsaid=lambda shop: shop.line("a1")),
    State("MIG306", unreadable, unsaid=lambda shop: shop.revision("b2", "a1")),
    State("MIG307", no_downgrade, {"write the downgrade": replace(VERSIONS + "a1.py", "    pass", "    op.x()")}),
    State("MIG308", long_id, {"give it a shorter id": rename_long}),
    State("MIG501", percent, {"": replace("alembic.ini", "1%2C", "1%%2C")}),
    State("MIG502", no_folder, unsaid=replace("alembic.ini", "= migration\n", "= migrations\n")),
    State("MIG503", in_ini, {"delete sqlalchemy.url from": replace("alembic.ini", IN_INI, ""),
                             "change the password": nothing}),
    State("MIG504", percent_in_url, {"": replace("migrations/env.py", '"]', '"].replace("%", "%%")')}),
    State("MIG506", no_metadata, {"": replace("migrations/env.py", "= None", "= Base.metadata")}),
    State("MIG507", not_imported, {"": replace("migrations/env.py", "from models", "import orders\nfrom models")}),
    State("MIG508", no_url, {"after `config = context.config`": reads_it}),
    State("MIG509", async_url, {"let the URL begin with postgresql+psycopg2://": replace(
        "compose.yaml", "postgresql+asyncpg://", "postgresql+psycopg2://")}),
    State("MIG510", early_lock, {"end its transaction: connection.commit()": replace(
        "migrations/env.py", "lock(1)'))\n", "lock(1)'))\n        connection.commit()\n")}),
    State("MIG602", migrates,
          {"remove it from the startup command": replace("compose.yaml", "alembic upgrade head && ", "")}),
    State("MIG603", swallowed, {"": replace("compose.yaml", " || true;", " &&")}),
    State("MIG604", starts_with(STAMPS), {"remove it from the start": replace("compose.yaml", f"{STAMPS}; ", "")}),
    State("MIG605", starts_with(MAKES), {"remove it from the start": replace("compose.yaml", f"{MAKES}; ", "")}),
    State("MIG606", starts_with(DELETES), {"remove it from the start": replace("compose.yaml", f"{DELETES}; ", "")}),
    State("MIG701", untracked, {"commit": commit}),
    State("MIG702", uncommitted),
    State("MIG703", ignored, {"delete line 1 of": replace(".gitignore", "b*.py\n", ""), "commit": commit}),
    State("MIG705", edited_after_applied, {"put the change into a new revision": lambda shop: shop.revision("a1")},
          look=OF_DATABASE),
    State("MIG706", behind),
    State("MIG801", unready, {"give db a healthcheck": healthcheck, "depends_on": ready}),
    State("MIG803", socket_only, {"": replace("compose.yaml", "pg_isready -U", "pg_isready -h 127.0.0.1 -U")}),
)  # fmt: skip
