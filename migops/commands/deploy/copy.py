"""A throwaway copy of the data, on which a rehearsal is held: what a revision locks there, how long, how many rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.next_steps import typed_again
from migops.commands.failures import Data, explain
from migops.core.errors import Aborted
from migops.database.postgres.catalogue import USER_SCHEMA

if TYPE_CHECKING:
    from psycopg import Connection

    from migops.sandbox import Server

_STRENGTH = (
    "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock",
    "ExclusiveLock", "AccessExclusiveLock",
)  # fmt: skip
_NOTES = f"""
CREATE SCHEMA migops_rehearsal;
CREATE TABLE migops_rehearsal.note (
  n bigserial, began timestamptz, at timestamptz, revision text, relation text, mode text);
CREATE FUNCTION migops_rehearsal.note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  moved text;
  noted timestamptz := clock_timestamp();
BEGIN
  IF TG_OP = 'DELETE' THEN moved := OLD.version_num; ELSE moved := NEW.version_num; END IF;
  INSERT INTO migops_rehearsal.note (began, at, revision, relation, mode)
  SELECT now(), noted, moved, NULL, NULL
  UNION ALL
  SELECT now(), noted, moved, n.nspname || '.' || c.relname, l.mode
  FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE l.pid = pg_backend_pid() AND l.granted AND c.relkind IN ('r', 'p') AND {USER_SCHEMA}
    AND n.nspname <> 'migops_rehearsal';
  RETURN NULL;
END $$;
"""  # noqa: S608
"""A trigger on the version table: what a revision has locked is still held when its row is written, so all is seen."""
_TAKEN = """
SELECT n, extract(epoch FROM began), extract(epoch FROM at), revision, relation, mode
FROM migops_rehearsal.note ORDER BY at, n
"""
_TABLES = f"""
SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND {USER_SCHEMA}
  AND n.nspname <> 'migops_rehearsal'
ORDER BY 1, 2
"""  # noqa: S608
_TRIGGER = """
CREATE TRIGGER migops AFTER INSERT OR UPDATE OR DELETE ON {} FOR EACH ROW EXECUTE FUNCTION migops_rehearsal.note()
"""
_VERSIONS = "CREATE TABLE IF NOT EXISTS {} (version_num varchar(32) NOT NULL PRIMARY KEY)"


@dataclass(frozen=True, slots=True)
class Noted:
    """One revision as the copy saw it: how long it took, in seconds, and what it locked of the tables there were."""

    revision: str
    seconds: float
    locks: Mapping[str, str]


@dataclass(slots=True)
class Copy:
    """A throwaway copy of the database, and our connection to it."""

    deploy: Deploy
    server: Server
    connection: Connection[Any]

    def alembic(self, *words: str) -> float:
        """Run Alembic beside the copy; how long that took. ``Aborted`` where it fails."""
        began = self._clock()
        ran = self.server.run((*self.deploy.alembic, *words))
        if ran.code:
            for line in ran.output.strip().splitlines()[-20:]:
                self.deploy.say.line(f"  | {line}")
            target = self.deploy.inputs.target
            again = typed_again(self.deploy)
            for line in explain(
                ran.output, target, self.deploy.engine, words, code=ran.code, data=Data.COPY, again=again
            ):
                self.deploy.say.line(line)
            raise Aborted(f"the rehearsal failed: {' '.join(words)} ended with code {ran.code} on a copy of the data")
        return self._clock() - began

    def rows(self) -> tuple[str, ...]:
        """What the copy's version table says."""
        found = self.connection.execute(self._sql("SELECT version_num::text FROM {}", *self._table())).fetchall()
        return tuple(sorted(str(row) for (row,) in found))

    def watch(self) -> None:
        """Note, from now on, what each revision locks. A database without a version table is given one first."""
        self.connection.execute(_NOTES)
        self.connection.execute(self._sql(_VERSIONS, *self._table()))
        self.connection.execute(self._sql(_TRIGGER, *self._table()))

    def noted(self, tables: Sequence[tuple[str, str]]) -> list[Noted]:
        """What was noted since the last call, by revision, in order: which lock it took on which of ``tables``, the
        strongest of each, but for those that were held already."""
        notes = self.connection.execute(_TAKEN).fetchall()
        self.connection.execute("TRUNCATE migops_rehearsal.note")
        known = {".".join(table) for table in tables if table[-1] != self._table()[-1]}
        revisions: list[Noted] = []
        last, transaction, held = 0.0, 0.0, dict[str, str]()
        for (at, began, revision), group in groupby(notes, key=lambda note: (note[2], note[1], note[3])):
            locks: dict[str, str] = {}
            for *_, relation, mode in group:
                if relation in known and mode in _STRENGTH:
                    locks[relation] = max(locks.get(relation, ""), mode, key=_strength)
            # In one transaction with the revision before, what that one has locked is still held.
            if float(began) == transaction:
                new = {name: mode for name, mode in locks.items() if _strength(mode) > _strength(held.get(name, ""))}
            else:
                new = locks
            revisions.append(Noted(str(revision), max(0.0, float(at) - max(float(began), last)), new))
            last, transaction, held = float(at), float(began), locks
        return revisions

    def tables(self) -> list[tuple[str, str]]:
        """The tables there are, by schema and name."""
        return [(str(schema), str(name)) for schema, name in self.connection.execute(_TABLES).fetchall()]

    def counts(self, tables: Sequence[tuple[str, str]]) -> dict[str, int]:
        """The number of rows of each table that is there."""
        there = set(self.tables())
        return {
            ".".join(table): int(self.connection.execute(self._sql("SELECT count(*) FROM {}", *table)).fetchall()[0][0])
            for table in tables if table in there
        }  # fmt: skip

    def _table(self) -> tuple[str, ...]:
        reached = self.deploy.database.reached
        table = reached.table if reached else None
        name = table.name if table else "alembic_version"
        return (table.schema, name) if table and table.schema else (name,)

    def _sql(self, text: str, *names: str) -> Any:
        from psycopg import sql

        return sql.SQL(text).format(sql.Identifier(*names))

    def _clock(self) -> float:
        return float(self.connection.execute("SELECT extract(epoch FROM clock_timestamp())").fetchall()[0][0])


def _strength(mode: str) -> int:
    return _STRENGTH.index(mode) if mode in _STRENGTH else -1
