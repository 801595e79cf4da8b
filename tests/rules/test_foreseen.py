"""MIG309, MIG409, MIG410 and MIG509: migrations that their own texts say will fail, or that have never run."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from migops.migrations.env_driver import mismatch
from tests.cases.shop import COMPOSE, INI, Answer, Shop, reported

HEAD = "import sqlalchemy as sa\nfrom alembic import op\nrevision = {!r}\ndown_revision = {!r}\ndef upgrade():\n"
TAIL = "def downgrade():\n    op.execute('1')\n"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop.at(tmp_path)


def revision(shop: Shop, name: str, parent: str | None, *lines: str) -> Shop:
    body = "".join(f"    {line}\n" for line in lines)
    return shop.write(f"migrations/versions/{name}.py", HEAD.format(name, parent) + body + TAIL)


def doctor(shop: Shop, rule: str) -> Answer:
    url = ("--database-url", shop.url) if shop.url else ()
    return reported(shop.run("doctor", "--no-engine", *url, "--select", rule))


def sql(shop: Shop, *statements: str) -> Shop:
    with closing(sqlite3.connect(shop.folder.parent / "shop.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return shop


class TestFirstRevisionAlters:
    @pytest.mark.parametrize(
        "line",
        ["op.add_column('item', sa.Column('name', sa.String()))", "op.create_index('ix', 'item', ['name'])",
         "op.alter_column('item', 'name', nullable=False)", "op.create_foreign_key('fk', 'item', 'a', ['x'], ['y'])",
         "with op.batch_alter_table('item') as b:\n        b.add_column(sa.Column('x', sa.Integer))"],
    )  # fmt: skip
    def test_it_is_told(self, shop: Shop, line: str) -> None:
        said = doctor(revision(shop, "a1", None, line), "MIG309").of("MIG309")
        assert "a1 is the first revision and changes item, which no revision creates" in said.text
        assert "migops alembic --service app revision --head base -m 'create item'" in said.fix
        assert f"{shop.folder}/migrations/versions/a1.py:4, set down_revision to its id" in said.fix

    @pytest.mark.parametrize(
        "lines",
        [("op.create_table('item')", "op.add_column('item', sa.Column('name', sa.String()))"),
         ("op.execute('CREATE TABLE item (id int)')", "op.add_column('item', sa.Column('name', sa.String()))"),
         ("op.execute(SCHEMA)", "op.add_column('item', sa.Column('name', sa.String()))"),
         ("op.execute(open('schema.sql').read())", "op.create_index('ix', 'item', ['name'])"),
         ("Base.metadata.create_all(op.get_bind())", "op.create_index('ix', 'item', ['name'])"),
         ("if has_table('item'):\n        op.add_column('item', sa.Column('name', sa.String()))",),
         ("pass",)],
    )  # fmt: skip
    def test_near_misses(self, shop: Shop, lines: tuple[str, ...]) -> None:
        assert doctor(revision(shop, "a1", None, *lines), "MIG309").said == ()

    def test_another_revision_creates_it(self, shop: Shop) -> None:
        revision(shop, "a1", None, "op.add_column('item', sa.Column('x', sa.Integer))")
        assert doctor(revision(shop, "b2", None, "op.create_table('item')"), "MIG309").said == ()

    def test_this_database_has_applied_it(self, shop: Shop) -> None:
        revision(shop, "a1", None, "op.add_column('item', sa.Column('x', sa.Integer))").database("a1", tables=("item",))
        assert doctor(shop, "MIG309").said == ()

    def test_a_server_with_scripts_of_its_own(self, shop: Shop) -> None:
        revision(shop, "a1", None, "op.add_column('item', sa.Column('x', sa.Integer))")
        mount = "    volumes: ['./sql:/docker-entrypoint-initdb.d']\n"
        shop.write("compose.yaml", f"{COMPOSE}    depends_on: [db]\n  db:\n    image: postgres:15\n{mount}")
        assert doctor(shop, "MIG309").said == ()


class TestAppliedButMissing:
    def project(self, shop: Shop, *second: str) -> Shop:
        revision(shop, "a1", None, "op.create_table('item', sa.Column('id', sa.Integer))")
        return revision(shop, "b2", "a1", *(second or ("op.add_column('item', sa.Column('price', sa.Integer))",)))

    def test_a_column(self, shop: Shop) -> None:
        said = doctor(self.project(shop).database("b2", tables=("item",)), "MIG409").of("MIG409")
        assert "b2 is recorded as applied, but the database lacks column item.price" in said.text
        assert f"migops status --database-url {shop.url} --drift app" in said.fix

    def test_everything(self, shop: Shop) -> None:
        said = doctor(self.project(shop).database("b2", tables=()), "MIG409").of("MIG409")
        assert "a1 and b2 are recorded as applied, but the database lacks table item, column item.price" in said.text

    def test_status_says_it_of_whole_tables(self, shop: Shop) -> None:
        """A database without the tables of what is recorded must not be called up to date, and no more."""
        self.project(shop).database("b2", tables=())
        words = ("--no-engine", "--database-url", shop.url, "--select", "MIG409")
        assert "lacks table item" in reported(shop.run("status", *words)).of("MIG409").text
        sql(shop, "CREATE TABLE item (id INTEGER)")
        assert reported(shop.run("status", *words)).said == ()

    @pytest.mark.parametrize(
        "second",
        [("op.drop_table('item')",), ("op.rename_table('item', 'thing')",), ("op.execute('DROP TABLE item')",),
         ("op.execute('DROP TABLE other, item')",), ("op.execute('ALTER TABLE item SET SCHEMA old')",),
         ("for name in TABLES:\n        op.drop_table(name)",),
         ("op.create_table('item', schema='old')", "op.execute('SET search_path TO old')")],
    )  # fmt: skip
    def test_a_table_that_a_later_one_takes_away(self, shop: Shop, second: tuple[str, ...]) -> None:
        assert doctor(self.project(shop, *second).database("b2", tables=()), "MIG409").said == ()

    def test_near_misses(self, shop: Shop) -> None:
        assert doctor(self.project(shop).database("a1", tables=("item",)), "MIG409").said == ()
        self.project(shop, "if FLAG:\n        op.add_column('item', sa.Column('price', sa.Integer))")
        sql(shop, "UPDATE alembic_version SET version_num = 'b2'")
        assert doctor(shop, "MIG409").said == ()

    def test_an_environment_that_chooses_the_schema(self, shop: Shop) -> None:
        env = "from alembic import context\ntarget_metadata = None\n# SET search_path TO tenant\n"
        self.project(shop).database("b2", tables=()).write("migrations/env.py", env)
        assert doctor(shop, "MIG409").said == ()


IN_BATCH = "b.add_column(sa.Column('price', sa.Integer(), nullable=False))"
STRICT = "op.add_column('item', sa.Column('price', sa.Integer(), nullable=False))"


class TestNotNull:
    def project(self, shop: Shop, *second: str, rows: int = 1) -> Shop:
        revision(shop, "a1", None, "op.create_table('item')")
        revision(shop, "b2", "a1", *second).database("a1", tables=("item",))
        return sql(shop, *["INSERT INTO item VALUES (1)"] * rows)

    @pytest.mark.parametrize(
        "lines",
        [(STRICT,), (f"with op.batch_alter_table('item') as b:\n        {IN_BATCH}",),
         ("op.execute('ALTER TABLE item ADD COLUMN price int NOT NULL')",),
         ("op.add_column('item', sa.Column('price', sa.Integer(), default=0, nullable=False))",)],
    )  # fmt: skip
    def test_it_is_told(self, shop: Shop, lines: tuple[str, ...]) -> None:
        self.project(shop, *lines)
        said = doctor(shop, "MIG410").of("MIG410")
        assert "b2 will fail: it adds item.price as NOT NULL without a default, and item has rows" in said.text
        assert f"{shop.folder}/migrations/versions/b2.py:6" in said.text or "b2.py:7" in said.text
        assert "server_default" in said.fix
        status = reported(shop.run("status", "--no-engine", "--database-url", shop.url, "--select", "MIG410"))
        assert "b2 will fail" in status.of("MIG410").text

    @pytest.mark.parametrize(
        "lines",
        [(STRICT.replace("nullable=False", "nullable=True"),),
         (STRICT.replace("nullable=False", "nullable=False, server_default='0'"),),
         (STRICT.replace("sa.Integer()", "sa.Integer(), sa.Identity()"),),
         (STRICT.replace("sa.Integer()", "sa.Integer(), sa.Computed('1')"),),
         (STRICT.replace("'item'", "'other'"),),
         ("op.execute('DELETE FROM item')", STRICT),
         ("op.execute('ALTER TABLE item ADD COLUMN price int NOT NULL DEFAULT 0')",),
         (f"if FLAG:\n        {STRICT}",)],
    )  # fmt: skip
    def test_near_misses(self, shop: Shop, lines: tuple[str, ...]) -> None:
        assert doctor(self.project(shop, *lines), "MIG410").said == ()

    def test_an_empty_table(self, shop: Shop) -> None:
        assert doctor(self.project(shop, STRICT, rows=0), "MIG410").said == ()

    def test_it_is_applied(self, shop: Shop) -> None:
        self.project(shop, STRICT)
        sql(shop, "UPDATE alembic_version SET version_num = 'b2'", "ALTER TABLE item ADD COLUMN price INTEGER")
        assert doctor(shop, "MIG410").said == ()

    def test_a_table_that_a_pending_one_creates(self, shop: Shop) -> None:
        revision(shop, "a1", None, "pass")
        revision(shop, "b2", "a1", "op.create_table('item')")
        revision(shop, "c3", "b2", STRICT).database("a1", tables=("item",))
        assert doctor(sql(shop, "INSERT INTO item VALUES (1)"), "MIG410").said == ()


SYNC = (
    "import os\nfrom alembic import context\nfrom sqlalchemy import engine_from_config\nconfig = context.config\n"
    "{}target_metadata = None\nengine = engine_from_config(config.get_section(config.config_ini_section))\n"
)
FROM_ENVIRONMENT = "config.set_main_option('sqlalchemy.url', os.environ['DATABASE_URL'].replace('%', '%%'))\n"
ASYNC = SYNC.replace("engine_from_config", "async_engine_from_config")
ASYNC_URL, SYNC_URL = "postgresql+asyncpg://shop@db/shop", "postgresql+psycopg2://shop@db/shop"


class TestDriverMismatch:
    @pytest.mark.parametrize(
        ("env", "url", "text"),
        [(SYNC, ASYNC_URL, "env.py makes a synchronous engine, and its URL names an asynchronous driver"),
         (ASYNC, SYNC_URL, "env.py makes an asynchronous engine, and its URL names a synchronous driver")],
    )  # fmt: skip
    def test_the_variable_of_the_service(self, shop: Shop, env: str, url: str, text: str) -> None:
        shop.line("a1").write("migrations/env.py", env.format(FROM_ENVIRONMENT))
        shop.write("compose.yaml", f"{COMPOSE}    environment: {{DATABASE_URL: '{url}'}}\n")
        said = doctor(shop, "MIG509").of("MIG509")
        assert text in said.text
        assert "DATABASE_URL, " in said.fix
        assert ("postgresql+psycopg2://" if url == ASYNC_URL else "postgresql+asyncpg://") in said.fix

    def test_the_configuration(self, shop: Shop) -> None:
        shop.line("a1").write("migrations/env.py", SYNC.format("")).write(
            "alembic.ini", f"{INI}sqlalchemy.url = {ASYNC_URL}\n")  # fmt: skip
        assert "alembic.ini:4" in doctor(shop, "MIG509").of("MIG509").fix

    @pytest.mark.parametrize(
        ("source", "ini", "variable"),
        [
            (SYNC.format(""), SYNC_URL, ""),
            (SYNC.format(""), "postgresql://shop@db/shop", ""),
            (ASYNC.format(""), "postgresql://shop@db/shop", ""),  # the default driver depends on SQLAlchemy's version
            (ASYNC.format(""), "postgresql+psycopg://shop@db/shop", ""),  # it is of both kinds
            (ASYNC.format(FROM_ENVIRONMENT), "", ASYNC_URL),
            (SYNC.format(FROM_ENVIRONMENT.replace("'%', '%%'", "'+asyncpg', ''")), "", ASYNC_URL),
            (SYNC.format("config.set_main_option('sqlalchemy.url', settings.url)\n"), ASYNC_URL, ASYNC_URL),
            (SYNC.format("") + "async def run():\n    await AsyncEngine(engine).connect()\n", ASYNC_URL, ""),
            (SYNC.format("engine = context.config.attributes.get('connection')\n"), ASYNC_URL, ""),
            ("engine = create_engine(get_url())\n", ASYNC_URL, ASYNC_URL),
        ],
    )
    def test_near_misses(self, source: str, ini: str, variable: str) -> None:
        assert mismatch(source, ini, {"DATABASE_URL": variable}) is None

    @pytest.mark.parametrize(
        "way",
        ["url = os.getenv('DATABASE_URL', 'postgresql+asyncpg://localhost/a')\nengine = create_engine(url)\n",
         "engine = create_engine(os.environ['DATABASE_URL'], poolclass=None)\n"],
    )  # fmt: skip
    def test_ways_to_the_variable(self, way: str) -> None:
        source = f"import os\nfrom sqlalchemy import create_engine\n{way}"
        found = mismatch(source, "", {"DATABASE_URL": ASYNC_URL})
        assert found is not None
        assert found.variable == "DATABASE_URL"
        assert mismatch(source, "", {"OTHER": ASYNC_URL}) is None
        assert mismatch(source, "", {"DATABASE_URL": SYNC_URL}) is None

    def test_a_literal(self) -> None:
        found = mismatch("from sqlalchemy import create_engine\ne = create_engine('sqlite+aiosqlite:///a')\n", "", {})
        assert found is not None
        assert (found.literal, found.line, found.instead) == (True, 2, "sqlite://…")
