"""Add product.colour

Revision ID: c07f34ab1e62
Revises: 3f1c0a7be210
"""

import sqlalchemy as sa
from alembic import op

revision: str = "c07f34ab1e62"
down_revision: str | None = "3f1c0a7be210"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("product", sa.Column("colour", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("product", "colour")
