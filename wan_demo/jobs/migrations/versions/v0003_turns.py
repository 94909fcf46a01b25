"""Owners take turns: a job has a kind, a place among its owner's, and a start to look back at."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Jobs from before are all of one kind, in the order in which they came."""
    op.add_column(
        "jobs", sa.Column("kind", sa.String(512), nullable=False, server_default=sa.text("''"))
    )
    op.add_column("jobs", sa.Column("place", sa.Integer))
    op.create_index("ix_jobs_started", "jobs", ["started_at"])
