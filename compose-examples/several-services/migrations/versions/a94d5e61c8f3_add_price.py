"""Add product.price

Revision ID: a94d5e61c8f3
Revises: 3f1c0a7be210
"""

import sqlalchemy as sa
from alembic import op

revision: str = "a94d5e61c8f3"
down_revision: str | None = "3f1c0a7be210"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("product", sa.Column("price", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("product", "price")
