"""The schema that the code needs: made in an empty database, brought up to date in an older one."""

from __future__ import annotations

import sqlalchemy as sa

from wan_demo.jobs.table import metadata

NEWEST = "0007"
"""The last of ``migrations/versions``."""

_version = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), primary_key=True),
)
"""Where Alembic keeps which migrations a database has had."""


def bring_up_to_date(connection: sa.Connection) -> None:
    """Within the connection's transaction.

    Alembic and what it brings take a tenth of a second to import, at the start of each process:
    it is left to where there is something to migrate.
    """
    if not sa.inspect(connection).get_table_names():
        _make(connection)
    elif connection.scalar(sa.select(_version)) != NEWEST:
        migrate(connection)


def _make(connection: sa.Connection) -> None:
    """The newest schema at once, as "Building an Up to Date Database" in Alembic's cookbook."""
    metadata.create_all(connection)
    _version.create(connection)
    connection.execute(_version.insert().values(version_num=NEWEST))


def migrate(connection: sa.Connection) -> None:
    """Run the migrations that the database has not had."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "wan_demo.jobs:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
