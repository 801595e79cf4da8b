"""``migops alembic``: Alembic where the truth is, guarded."""
