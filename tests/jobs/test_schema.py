"""Two ways to the schema, from nothing and by the migrations, and they end alike."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from wan_demo.jobs.database import connect, sqlite_url
from wan_demo.jobs.schema import NEWEST, migrate
from wan_demo.jobs.table import metadata

ROOT = Path(__file__).resolve().parents[2]


def migrated(path: Path) -> sa.Engine:
    """A database that has had every migration, one after the other."""
    engine = sa.create_engine(sqlite_url(path))
    with engine.begin() as connection:
        migrate(connection)
    return engine


def shape(engine: sa.Engine) -> dict[str, Any]:
    """Tables, their columns and indices, in no order."""
    found = sa.inspect(engine)
    return {
        name: (
            {column["name"]: repr(column) for column in found.get_columns(name)},
            {index["name"]: repr(index) for index in found.get_indexes(name)},
            {tuple(each["column_names"]) for each in found.get_unique_constraints(name)},
            found.get_pk_constraint(name)["constrained_columns"],
        )
        for name in found.get_table_names()
    }


def version(engine: sa.Engine) -> Any:
    with engine.connect() as connection:
        return connection.scalar(sa.text("SELECT version_num FROM alembic_version"))


def test_a_new_database_is_what_the_migrations_make_of_an_old_one(tmp_path):
    new = connect(sqlite_url(tmp_path / "new.sqlite3"))
    old = migrated(tmp_path / "old.sqlite3")
    assert shape(new) == shape(old)
    assert version(new) == version(old) == NEWEST


def test_the_migrations_make_the_table_that_the_code_declares(tmp_path):
    with migrated(tmp_path / "jobs.sqlite3").connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_what_is_up_to_date_is_not_migrated(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from wan_demo.jobs.database import connect, sqlite_url\n"
        "connect(sqlite_url(Path(sys.argv[1]))); connect(sqlite_url(Path(sys.argv[1])))\n"
        "sys.exit('alembic' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "jobs.sqlite3")]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
