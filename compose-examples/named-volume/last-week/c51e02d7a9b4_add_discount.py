"""Add product.discount (given up)

Revision ID: c51e02d7a9b4
Revises: 3f1c0a7be210
"""

import sqlalchemy as sa
from alembic import op

revision: str = "c51e02d7a9b4"
down_revision: str | None = "3f1c0a7be210"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("product", sa.Column("discount", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("product", "discount")
