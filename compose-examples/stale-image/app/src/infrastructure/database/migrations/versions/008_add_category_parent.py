"""Add category.parent_id

Revision ID: 008
Revises: 007
"""

import sqlalchemy as sa
from alembic import op

revision: str = "008"
down_revision: str | None = "007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("category", sa.Column("parent_id", sa.Integer(), nullable=True))
    op.create_foreign_key("category_parent_id_fkey", "category", "category", ["parent_id"], ["id"])


def downgrade() -> None:
    op.drop_constraint("category_parent_id_fkey", "category", type_="foreignkey")
    op.drop_column("category", "parent_id")
