"""Everything that only PostgreSQL has: lock session, lock watch, schema, dump and restore commands."""
