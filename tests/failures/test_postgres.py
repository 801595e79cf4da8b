"""PostgreSQL's failures, provoked by the real programs in one container, explained, and the printed commands typed."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from migops import collect, target
from migops.commands.failures.explain import lines
from migops.commands.failures.inputs import FailureInputs
from migops.commands.failures.recognise import recognise
from migops.compose import ComposeOptions
from migops.core.model import MigrationFile
from tests.engine.sandbox import Sandbox
from tests.failures import provoke
from tests.kit import example

PROVOKE = Path(provoke.__file__)


@dataclass(frozen=True)
class Case:
    """``name``: the failure that it is; ``says``: texts of the explanation; ``prints``: of the commands' output."""

    name: str
    upgrade: tuple[str, ...] = ("op.execute('SELECT 1')",)
    prepare: tuple[str, ...] = ()
    url: Mapping[str, Any] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    prints: tuple[str, ...] = ()

    def of(self, number: int) -> dict[str, Any]:
        return {"name": f"case{number}", "upgrade": self.upgrade, "prepare": self.prepare, "url": dict(self.url)}


def run(*statements: str) -> tuple[str, ...]:
    return tuple(f"op.execute({statement!r})" for statement in statements)


CASES = (
    Case("type-exists", run("CREATE TYPE mood AS ENUM ('a')"), ("CREATE TYPE mood AS ENUM ('a')",)),
    Case("index-exists", ("op.create_index('ix_i', 'i', ['n'])",), ("CREATE TABLE i (n int)", "CREATE INDEX ix_i "
                                                                                              "ON i (n)")),
    Case("table-exists", ("op.create_table('t', sa.Column('n', sa.Integer))",), ("CREATE TABLE t (n int)",)),
    Case("constraint-exists", ("op.create_check_constraint('ck', 'c', 'n > 0')",),
         ("CREATE TABLE c (n int CONSTRAINT ck CHECK (n > 0))",)),
    Case("schema-exists", run("CREATE SCHEMA s"), ("CREATE SCHEMA s",)),
    Case("object-exists", run("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"),
         ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",)),
    Case("missing-table", run("ALTER TABLE nowhere ADD n int")),
    Case("missing-column", run("UPDATE t SET nothing = 1")),
    Case("missing-object", ("op.drop_constraint('ck_no', 't')",)),
    Case("missing-schema", ("op.create_table('x', sa.Column('n', sa.Integer), schema='tenant_a')",)),
    Case("missing-type", run("CREATE TABLE v (e vector)"), says=("image: pgvector/pgvector:pg15 in place of "
                                                                 "postgres:15",
                                                                 "CREATE EXTENSION IF NOT EXISTS vector")),
    Case("missing-function", run("SELECT uuid_generate_v4()"), says=('CREATE EXTENSION IF NOT EXISTS "uuid-ossp"',)),
    Case("missing-role", run("GRANT SELECT ON t TO reader")),
    Case("extension-not-available", run("CREATE EXTENSION vector"), says=("pgvector/pgvector:pg15",)),
    Case("null-values", ("op.add_column('p', sa.Column('provider', sa.String, nullable=False))",),
         ("CREATE TABLE p (id int)", "INSERT INTO p VALUES (1), (2)"), says=("0001_case.py:11",), prints=("2",)),
    Case("null-values", ("op.alter_column('Pp', 'Name', nullable=False)",),
         ('CREATE TABLE "Pp" (id int, "Name" text)', "INSERT INTO \"Pp\" VALUES (41, 'a'), (42, NULL)"),
         prints=("42",)),
    Case("null-values", ("op.add_column('ppp', sa.Column('a', sa.String))", "op.alter_column('ppp', 'a', "
                                                                            "nullable=False)"),
         ("CREATE TABLE ppp (id int)", "INSERT INTO ppp VALUES (43)"), prints=("43",)),
    Case("unique-violation", ("op.create_unique_constraint('uq', 'u', ['email', 'shop'])",),
         ("CREATE TABLE u (email text, shop int)", "INSERT INTO u VALUES ('twice', 1), ('twice', 1), ('once', 2)"),
         prints=("twice",)),
    Case("unique-violation", ("op.create_index('uqi', 'ui', ['email'], unique=True)",),
         ("CREATE TABLE ui (email text)", "INSERT INTO ui VALUES ('thrice'), ('thrice'), ('thrice')"),
         prints=("thrice", "3")),
    Case("foreign-key-violation", ("op.create_foreign_key('fk', 'child', 'parent', ['parent_id'], ['id'])",),
         ("CREATE TABLE parent (id int PRIMARY KEY)", "CREATE TABLE child (id int, parent_id int)",
          "INSERT INTO child VALUES (77, 99)"),
         prints=("77", "99")),
    Case("foreign-key-target", ("op.create_foreign_key('fk2', 'child', 't', ['parent_id'], ['n'])",)),
    Case("check-violation", ("op.create_check_constraint('positive', 'child', 'id < 0')",)),
    Case("enum-value-too-early", run("ALTER TYPE mood ADD VALUE 'b'", "SELECT 'b'::mood")),
    Case("needs-autocommit", run("CREATE INDEX CONCURRENTLY ixc ON t (n)")),
    Case("needs-autocommit", run("VACUUM")),
    Case("dependent-objects", run("DROP TABLE d"), ("CREATE TABLE d (n int)", "CREATE VIEW dv AS SELECT * FROM d"),
         says=("view dv depends on table d",)),
    Case("cannot-cast", ("op.alter_column('ca', 'n', type_=sa.Integer)",), ("CREATE TABLE ca (n text)",)),
    Case("statement-timeout", run("SET LOCAL statement_timeout = 1", "SELECT pg_sleep(5)")),
    Case("transaction-aborted", ("try:", "    op.execute('nonsense')", "except Exception:", "    pass",
                                 "op.execute('SELECT 1')")),
    Case("missing-import", ("op.add_column('t', sa.Column('m', sqlmodel.AutoString()))",),
         says=("write: import sqlmodel", "0001_case.py")),
    Case("unnamed-constraint", ("op.drop_constraint(None, 't')",)),
    Case("permission-denied", ("op.create_table('mine', sa.Column('n', sa.Integer))",),
         ("CREATE ROLE web LOGIN PASSWORD 'w3b-c4nary'",), {"username": "web", "password": "w3b-c4nary"}),
    Case("read-only", prepare=("CREATE ROLE ro LOGIN PASSWORD 'w3b-c4nary'", "GRANT ALL ON SCHEMA public TO ro",
                               "ALTER ROLE ro SET default_transaction_read_only = on"),
         url={"username": "ro", "password": "w3b-c4nary"}, prints=("off",)),
    Case("too-many-connections", prepare=("CREATE ROLE few LOGIN PASSWORD 'w3b-c4nary' CONNECTION LIMIT 0",),
         url={"username": "few", "password": "w3b-c4nary"}, prints=("psql",)),
    Case("no-such-user", prepare=("CREATE ROLE nologin PASSWORD 'w3b-c4nary'",),
         url={"username": "nologin", "password": "w3b-c4nary"}),
    Case("password-refused", url={"password": "wrong"}),
    Case("no-such-database", url={"database": "nowhere"}),
    Case("name-not-resolved", url={"host": "no-such-host"}),
    Case("connection-refused", url={"port": 1}),
    Case("driver-option", url={"query": {"schema": "x"}}),
    Case("tls-not-supported", url={"query": {"sslmode": "require"}}),
    Case("postgres-scheme", url={"drivername": "postgres"}),
    Case("unknown-driver", url={"drivername": "postgresql+psycopg3"}),
    Case("no-driver", url={"drivername": "postgresql+psycopg2"}),
)  # fmt: skip


def script_of(case: Case) -> MigrationFile:
    content = provoke.script(list(case.upgrade)).encode()
    return MigrationFile("versions/0001_case.py", "/versions/0001_case.py", "", content=content)


def explanation(text: str, inputs: FailureInputs) -> tuple[str, str]:
    known = recognise(text)
    assert known is not None, text
    return known[0].name, "\n".join(lines(*known, inputs))


def typed(said: str) -> list[str]:
    return [line.strip() for line in said.splitlines() if line.strip().startswith("docker compose exec")]


@pytest.mark.engine
def test_real_failures_are_explained_and_what_is_printed_works(sandbox: Sandbox) -> None:
    folder = example("clean", sandbox.path)
    sandbox.compose("build", "-q", "app", cwd=folder)
    sandbox.compose("up", "-d", "--wait", "db", cwd=folder)
    words = ("run", "--rm", "-T", "-v", f"{PROVOKE}:/provoke.py:ro", "app", "python", "/provoke.py")
    told = sandbox.compose(*words, cwd=folder, input=json.dumps([case.of(n) for n, case in enumerate(CASES)]))
    texts = [text.partition("\n")[2] for text in told.split(provoke.MARK)[1:]]
    assert len(texts) == len(CASES)
    found = target.resolve(target.Wanted(), ComposeOptions(), sandbox.env, folder)
    host = collect.host(found).migrations
    for case, text in zip(CASES, texts, strict=True):
        inputs = FailureInputs(found, ("upgrade", "head"), host=replace(host, scripts={"0001": script_of(case)}))
        name, said = explanation(text, inputs)
        assert name == case.name, text
        assert "c4nary" not in said
        for part in case.says:
            assert part in said, said
        printed = [
            subprocess.run(
                line, shell=True, cwd=folder, env=sandbox.env, capture_output=True, text=True, check=True
            ).stdout
            for line in typed(said)
        ]
        for part in case.prints:
            assert part in "".join(printed), (said, printed)
    denied(sandbox, folder)


def denied(sandbox: Sandbox, folder: Path) -> None:
    """The service's own user may not create in schema public: the printed GRANT lets it."""
    compose = folder / "compose.yaml"
    compose.write_text(compose.read_text().replace("://shop:${POSTGRES_PASSWORD:-only-for-this-example}@", "://web:x@"))
    found = target.resolve(target.Wanted(), ComposeOptions(), sandbox.env, folder)
    _, said = explanation("psycopg.errors.InsufficientPrivilege: permission denied for schema public",
                          FailureInputs(found, ("upgrade", "head")))  # fmt: skip
    assert "Alembic connects as web" in said
    assert "the server's administrator is shop; since PostgreSQL 15 only the database's owner" in said
    owner, grant = typed(said)
    assert "GRANT USAGE, CREATE ON SCHEMA public" in shlex.split(grant)[-1].replace('"', "")
    for line in (owner, grant):
        subprocess.run(line, shell=True, cwd=folder, env=sandbox.env, capture_output=True, check=True)
    ask = "SELECT has_schema_privilege('web', 'public', 'CREATE')"
    told = sandbox.compose("exec", "-T", "db", "psql", "-U", "shop", "-d", "shop", "-Atc", ask, cwd=folder)
    assert told.strip() == "t"
