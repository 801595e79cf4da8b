"""Queries of the catalogue: tables, and traces of a failed migration that no row of the version table records."""

from __future__ import annotations

from migops.database import DatabaseUrl, connect

USER_SCHEMA = "left(n.nspname, 3) <> 'pg_' AND n.nspname <> 'information_schema'"
"""SQL, true of a row ``n`` of pg_namespace that is not one of the server's own schemas. ``schema/catalogue.sql`` has a
copy, since it is run as it stands, also by drivers in a container."""
NOT_OF_AN_EXTENSION = """NOT EXISTS (
  SELECT 1 FROM pg_catalog.pg_depend d
  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')"""
"""SQL, true of a row ``c`` of pg_class that no extension such as PostGIS brought along."""

RELATIONS = f"""
SELECT n.nspname, c.relname, pg_catalog.array_position(pg_catalog.current_schemas(false), n.nspname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND {USER_SCHEMA}
  AND {NOT_OF_AN_EXTENSION}
"""  # noqa: S608
"""Tables, except the server's own and those of extensions such as PostGIS, each with its schema's position in the
search path, NULL if it is not on it."""

_TRACES = f"""
SELECT CASE c.relkind WHEN 'i' THEN 'index ' WHEN 'S' THEN 'sequence ' WHEN 'v' THEN 'view ' ELSE 'table ' END
       || n.nspname || '.' || c.relname || CASE WHEN x.indisvalid IS FALSE THEN ' (not valid)' ELSE '' END
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index x ON x.indexrelid = c.oid
WHERE c.relkind IN ('r', 'p', 'i', 'S', 'v', 'm') AND {USER_SCHEMA}
UNION ALL
SELECT 'column ' || a.attrelid::regclass || '.' || a.attname || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod)
       || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
  AND {USER_SCHEMA}
UNION ALL
SELECT 'constraint ' || conname || ' of ' || conrelid::regclass || ' ' || pg_catalog.pg_get_constraintdef(oid)
FROM pg_catalog.pg_constraint WHERE conrelid <> 0
UNION ALL
SELECT 'type ' || n.nspname || '.' || t.typname FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype IN ('e', 'd') AND {USER_SCHEMA}
"""  # noqa: S608


def traces(url: DatabaseUrl, timeout: float) -> frozenset[str]:
    """All objects in the catalogue of a PostgreSQL database, a line each, for comparison with a later call."""
    with connect(url, timeout=timeout) as connection:
        return frozenset(str(line) for (line,) in connection.exec_driver_sql(_TRACES))
