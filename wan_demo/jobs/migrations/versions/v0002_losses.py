"""Losses are counted apart from attempts; estimates find their jobs by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Who held a job before worker names had groups was the server's: it gives that back."""
    op.add_column(
        "jobs", sa.Column("losses", sa.Integer, nullable=False, server_default=sa.text("0"))
    )
    op.create_index("ix_jobs_recent", "jobs", ["model", "status", "finished_at"])
    op.execute("UPDATE jobs SET worker = 'server:' || worker WHERE status = 'running'")
