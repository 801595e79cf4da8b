"""Add product.price

Revision ID: 005
Revises: 004
"""

import sqlalchemy as sa
from alembic import op

revision: str = "005"
down_revision: str | None = "004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("product", sa.Column("price", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("product", "price")
