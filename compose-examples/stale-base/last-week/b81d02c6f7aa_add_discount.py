"""Add product.discount

Revision ID: b81d02c6f7aa
Revises: a94d5e61c8f3
"""

import sqlalchemy as sa
from alembic import op

revision: str = "b81d02c6f7aa"
down_revision: str | None = "a94d5e61c8f3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("product", sa.Column("discount", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("product", "discount")
