"""Add product.stock

Revision ID: 5b2e8d90fa17
Revises: a94d5e61c8f3
"""

import sqlalchemy as sa
from alembic import op

revision: str = "5b2e8d90fa17"
down_revision: str | None = "a94d5e61c8f3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("product", sa.Column("stock", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("product", "stock")
