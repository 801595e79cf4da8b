"""``migops adopt``: find and prove the revision of a database that has tables but no stamp, and stamp it.

The migrations run one by one on a disposable server, and the schema after each one is compared with the live database,
which is only read. At the end Alembic itself writes one row of its version table.
"""
