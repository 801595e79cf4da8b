"""Add product.discount

Revision ID: 010
Revises: 009
"""

import sqlalchemy as sa
from alembic import op

revision: str = "010"
down_revision: str | None = "009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("product", sa.Column("discount", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("product", "discount")
