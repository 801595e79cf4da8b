"""Reading real catalogues: every kind of item, what is normalised, and that the smallest change is seen."""

from __future__ import annotations

import time

import pytest

from migops.core.errors import Unavailable
from migops.database import DatabaseUrl, parse_url
from migops.database.postgres.direct import direct
from migops.database.postgres.schema import Schema, Scope, compare, read, without
from tests.engine.sandbox import Sandbox

pytestmark = pytest.mark.engine

EVERYTHING = r"""
CREATE SCHEMA "My Own";
CREATE EXTENSION IF NOT EXISTS plpgsql;
CREATE TYPE mood AS ENUM ('sad', 'it''s ok');
CREATE DOMAIN positive AS integer DEFAULT 1 NOT NULL CHECK (VALUE > 0);
CREATE TYPE pair AS (a integer, b text);
CREATE SEQUENCE lonely INCREMENT 5;
CREATE TABLE person (
  id serial PRIMARY KEY, name varchar(50) NOT NULL DEFAULT 'nobody', mood mood DEFAULT 'sad', count positive,
  code text COLLATE "C", born date, twice integer GENERATED ALWAYS AS (3 * 2) STORED,
  CONSTRAINT short CHECK (length(name) < 40), UNIQUE (name, born)
);
CREATE TABLE "My Own"."Weird Table" (
  "Id" bigint GENERATED ALWAYS AS IDENTITY, person integer REFERENCES person (id) ON DELETE CASCADE DEFERRABLE,
  EXCLUDE USING btree (person WITH =)
);
CREATE UNIQUE INDEX low ON person (lower(name)) WHERE born IS NOT NULL;
CREATE UNLOGGED TABLE scratch (x jsonb);
CREATE TABLE log (at date NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX log_what ON log (what);
CREATE VIEW adults AS SELECT id, name FROM person WHERE born < '2008-01-01';
CREATE MATERIALIZED VIEW counts AS SELECT count(*) AS n FROM person;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.born := now(); RETURN NEW; END $$;
CREATE TRIGGER touched BEFORE UPDATE ON person FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TYPE span AS RANGE (subtype = date);
CREATE AGGREGATE total (integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0');
CREATE RULE nothing AS ON DELETE TO log DO INSTEAD NOTHING;
ALTER TABLE log ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON log FOR SELECT USING (what = CURRENT_USER);
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
"""
EXPECTED = {
    ("enum", "public.mood"): "'sad', 'it''s ok'",
    ("domain", "public.positive"): "integer DEFAULT 1 NOT NULL CHECK ((VALUE > 0))",
    ("composite", "public.pair"): "a integer, b text",
    ("sequence", "public.lonely"): "bigint START 1 INCREMENT 5 MINVALUE 1 MAXVALUE 9223372036854775807 CACHE 1",
    ("sequence", "public.person.id"): "integer START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 2147483647 CACHE 1",
    ("column", "public.person.id"): "integer DEFAULT the next of its own sequence NOT NULL",
    ("column", "public.person.name"): "character varying(50) DEFAULT 'nobody'::character varying NOT NULL",
    ("column", "public.person.mood"): "public.mood DEFAULT 'sad'::public.mood",
    ("column", "public.person.code"): 'text COLLATE "C"',
    ("column", "public.person.twice"): "integer GENERATED ALWAYS AS ((3 * 2)) STORED",
    ("column", '"My Own"."Weird Table"."Id"'): "bigint GENERATED ALWAYS AS IDENTITY NOT NULL",
    ("primary key", "public.person.person_pkey"): "PRIMARY KEY (id)",
    ("unique", "public.person.person_name_born_key"): "UNIQUE (name, born)",
    ("check", "public.person.short"): "CHECK ((length((name)::text) < 40))",
    ("foreign key", '"My Own"."Weird Table"."Weird Table_person_fkey"'):
        "FOREIGN KEY (person) REFERENCES public.person(id) ON DELETE CASCADE DEFERRABLE",
    ("exclusion", '"My Own"."Weird Table"."Weird Table_person_excl"'): "EXCLUDE USING btree (person WITH =)",
    ("index", "public.low"):
        "CREATE UNIQUE INDEX low ON public.person USING btree (lower((name)::text)) WHERE (born IS NOT NULL)",
    ("table", "public.scratch"): "unlogged table",
    ("table", "public.log"): "partitioned by RANGE (at) row level security",
    ("policy", "public.log.mine"): "PERMISSIVE FOR r TO public USING ((what = CURRENT_USER))",
    ("rule", "public.log.nothing"): "CREATE RULE nothing AS\n    ON DELETE TO public.log DO INSTEAD NOTHING;",
    ("range", "public.span"): "date",
    ("aggregate", "public.total(integer)"): "integer by int4pl(integer,integer) from '0'",
    ("table", "public.log_1"):
        "table partition FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') inherits public.log",
    ("column order", "public.log"): "at, what",
    ("materialized view", "public.counts"): " SELECT count(*) AS n\n   FROM public.person;",
    ("trigger", "public.person.touched"):
        "CREATE TRIGGER touched BEFORE UPDATE ON public.person FOR EACH ROW EXECUTE FUNCTION public.touch()",
}  # fmt: skip
SAME = (
    "ALTER TABLE person RENAME TO people; ALTER TABLE people RENAME TO person",
    "ALTER TABLE person ALTER name SET DEFAULT 'nobody'",
    "INSERT INTO person (name) VALUES ('x'); ANALYZE",
    "COMMENT ON TABLE person IS 'comments are not compared'",
    "ALTER SEQUENCE person_id_seq RENAME TO from_an_older_name",
)
CHANGES = {
    "ALTER TABLE person ALTER name DROP NOT NULL": "column public.person.name",
    "ALTER TABLE person ALTER name DROP DEFAULT": "column public.person.name",
    "ALTER TABLE scratch ALTER x TYPE json": "column public.scratch.x",
    "ALTER TYPE mood ADD VALUE 'new'": "enum public.mood",
    "ALTER TABLE person RENAME CONSTRAINT short TO shorter": "check public.person.short",
    "DROP INDEX low": "index public.low",
    "ALTER SEQUENCE lonely INCREMENT 1": "sequence public.lonely",
    "ALTER TABLE scratch SET LOGGED": "table public.scratch",
    "CREATE OR REPLACE VIEW adults AS SELECT id, name FROM person": "view public.adults",
    "ALTER TABLE person DISABLE TRIGGER touched": "trigger public.person.touched",
    "DROP POLICY mine ON log": "policy public.log.mine",
    "ALTER TABLE log DISABLE ROW LEVEL SECURITY": "table public.log",
    "DROP RULE nothing ON log": "rule public.log.nothing",
    "DROP TRIGGER touched ON person": "trigger public.person.touched",
    "CREATE TABLE more (x int PRIMARY KEY)": "table public.more",
}


MORE = """
COMMENT ON TABLE person IS 'hello';
COMMENT ON COLUMN person.count IS 'en';
COMMENT ON CONSTRAINT shorter ON person IS 'why';
CREATE INDEX low ON person (name);
CREATE VIEW guarded WITH (security_barrier = true) AS SELECT id FROM person;
GRANT SELECT ON person TO PUBLIC;
GRANT UPDATE (name) ON person TO PUBLIC;
GRANT EXECUTE ON FUNCTION touch() TO PUBLIC;
CREATE STATISTICS st ON name, born FROM person;
ALTER TABLE person SET (fillfactor = 80);
ALTER TABLE person ALTER code SET STORAGE EXTERNAL, ALTER name SET STATISTICS 500;
ALTER TABLE person REPLICA IDENTITY FULL;
CREATE PUBLICATION p FOR TABLE person;
CREATE COLLATION german (provider = icu, locale = 'de');
CREATE FUNCTION ended() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER et ON ddl_command_end EXECUTE FUNCTION ended();
CREATE ROLE someone;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO someone;
"""
LAST = "CREATE TABLE later (x int)"
STRICT_CHANGES = {
    "COMMENT ON TABLE person IS NULL": "comment public.person",
    "COMMENT ON COLUMN person.count IS 'other'": "comment public.person.count",
    "COMMENT ON CONSTRAINT shorter ON person IS NULL": "comment public.person (constraint shorter)",
    "COMMENT ON FUNCTION touch() IS 'new'": "comment public.touch()",
    "COMMENT ON INDEX low IS 'new'": "comment public.low",
    "COMMENT ON SCHEMA \"My Own\" IS 'new'": 'comment "My Own"',
    "ALTER VIEW guarded RESET (security_barrier)": "storage public.guarded",
    "REVOKE SELECT ON person FROM PUBLIC": "grant public.person",
    "REVOKE UPDATE (name) ON person FROM PUBLIC": "grant public.person.name",
    "REVOKE EXECUTE ON FUNCTION touch() FROM PUBLIC": "grant public.touch()",
    "GRANT USAGE ON SEQUENCE from_an_older_name TO someone": "grant public.person.id",
    "GRANT USAGE ON TYPE mood TO someone": "grant public.mood",
    "GRANT CREATE ON SCHEMA public TO someone": "grant public",
    "DROP STATISTICS st": "statistics public.st",
    "ALTER TABLE person RESET (fillfactor)": "storage public.person",
    "ALTER TABLE person ALTER code SET STORAGE EXTENDED": "column storage public.person.code",
    "ALTER TABLE person ALTER name SET STATISTICS -1": "column storage public.person.name",
    "ALTER TABLE person ALTER mood SET (n_distinct = 5)": "column storage public.person.mood",
    "ALTER TABLE person REPLICA IDENTITY DEFAULT": "replica identity public.person",
    "ALTER PUBLICATION p SET (publish = 'insert')": "publication p",
    "ALTER PUBLICATION p DROP TABLE person": "publication p",
    "DROP PUBLICATION p": "publication p",
    "REFRESH MATERIALIZED VIEW counts WITH NO DATA": "contents public.counts",
    "DROP COLLATION german": "collation public.german",
    "ALTER EVENT TRIGGER et DISABLE": "event trigger et",
    "DROP EVENT TRIGGER et": "event trigger et",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON TABLES FROM someone":
        "default privileges postgres in public on tables",
    "ALTER TABLE scratch OWNER TO someone": "owner public.scratch",
    "ALTER VIEW adults OWNER TO someone": "owner public.adults",
    "ALTER TYPE pair OWNER TO someone": "owner public.pair",
    "ALTER FUNCTION touch() OWNER TO someone": "owner public.touch()",
    "ALTER SCHEMA \"My Own\" OWNER TO someone": 'owner "My Own"',
    "CREATE CAST (pair AS text) WITH INOUT": "cast public.pair to text",
    "COMMENT ON EXTENSION plpgsql IS 'not compared'": "",
    LAST: "table public.later",
}  # fmt: skip
"""What each of these statements changes, and nothing else: '' where it changes nothing that is compared."""


def server(box: Sandbox) -> DatabaseUrl:
    name = f"{box.name}-pg"
    box.docker("run", "-d", "--name", name, "-e", "POSTGRES_PASSWORD=canary", "--tmpfs", "/var/lib/postgresql/data",
               "postgres:15")  # fmt: skip
    address = box.docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name).strip()
    url = parse_url(f"postgresql://postgres:canary@{address}/postgres")
    until = time.monotonic() + 60
    while True:
        try:
            run(url, "SELECT 1")
        except Unavailable:
            assert time.monotonic() < until
            time.sleep(0.1)
        else:
            return url


def run(url: DatabaseUrl, sql: str) -> None:
    with direct(url, timeout=30, name="test") as connection:
        connection.execute(sql.encode())


def seen(url: DatabaseUrl, *, strict: bool = False) -> Schema:
    found = read(url, timeout=60, strict=strict)
    return without(found.schema, Scope(frozenset({"public", "My Own"}), path=found.path))


def test_the_catalogue(sandbox: Sandbox) -> None:
    url = server(sandbox)
    assert read(url, timeout=10).schema == {}
    run(url, EVERYTHING)
    before = seen(url)
    for key, text in EXPECTED.items():
        assert before[key].text == text, key
    assert not [key for key in before if "alembic_version" in key[1] or "log_1_what" in key[1]]
    assert [key for key in before if key[0] == "function" and "span" not in key[1]] == [("function", "public.touch()")]
    assert before["view", "public.adults"].text.startswith(" SELECT person.id")
    for sql in SAME:
        run(url, sql)
        assert compare(before, seen(url)).differences == (), sql
    for sql, what in CHANGES.items():
        was = seen(url)
        run(url, sql)
        (difference,) = compare(was, seen(url)).differences
        assert f"{difference.item.kind} {difference.item.name}" == what, sql
    run(url, MORE)
    plain, was = seen(url), seen(url, strict=True)
    for sql, what in STRICT_CHANGES.items():
        if sql == LAST:
            assert compare(plain, seen(url)).is_equal, "nothing of this is looked at without being asked to"
        run(url, sql)
        now = seen(url, strict=True)
        differences = compare(was, now).differences
        assert [f"{each.item.kind} {each.item.name}" for each in differences] == ([what] if what else []), sql
        was = now
