"""Add product.description

Revision ID: 003
Revises: 002
"""

import sqlalchemy as sa
from alembic import op

revision: str = "003"
down_revision: str | None = "002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("product", sa.Column("description", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("product", "description")
