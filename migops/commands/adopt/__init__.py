"""``migops adopt``: a database with tables and no revision noted. Which revision's schema is it? Prove it, and note it.

The migrations are run, one by one, on a throwaway server, and what each makes is held against the live database, which
is only read. What is written to it in the end is one row of the version table, by Alembic itself.
"""
