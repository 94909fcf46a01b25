"""A running job shows its worker's last sign of life."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Jobs that run now have shown none yet."""
    op.add_column("jobs", sa.Column("seen_at", sa.DateTime(timezone=True)))
