"""Add admin_user.email

Revision ID: 009
Revises: 008
"""

import sqlalchemy as sa
from alembic import op

revision: str = "009"
down_revision: str | None = "008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("admin_user", sa.Column("email", sa.String(254), nullable=True))


def downgrade() -> None:
    op.drop_column("admin_user", "email")
