"""migops: finds where Alembic's migration files went stale, and says what to type."""

__version__ = "0.1.0"  # the one place: the package's metadata is built from it
