"""Migrates a database to the newest version: one Alembic tree per database, no .ini file."""

from io import StringIO
from logging import WARNING, getLogger
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from repositories.database import require_driver

TREES = ("psyter_db", "scheduling_db")
SNAPSHOTS = """
SELECT snapshot_isolation_state, is_read_committed_snapshot_on FROM sys.databases WHERE database_id = DB_ID()
"""


def upgrade(url: str, *, tree: str) -> None:
    """Bring the database at `url` to the head of `tree` (one of TREES). Safe to repeat."""
    getLogger("alembic").setLevel(WARNING)
    require_driver(url)
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    if parsed.get_backend_name() == "mssql":
        turn_on_snapshots(url)
    command.upgrade(config_of(tree, url), "head")


def turn_on_snapshots(url: str) -> None:
    """What SQL Server needs once per database: reads that never wait for writers, and reads of one moment.

    Nothing is changed where they are on already. Else nobody else may be connected: the change waits for nobody.
    """
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True)
    with engine.connect() as connection:
        allowed, read_committed = connection.exec_driver_sql(SNAPSHOTS).one()
        if not allowed:
            connection.exec_driver_sql("ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON")
        if not read_committed:
            connection.exec_driver_sql("ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON WITH NO_WAIT")


def script(tree: str, dialect: str) -> str:
    """The whole migration as SQL, for whoever may not let us change tables."""
    config = config_of(tree, f"{dialect}://")
    config.output_buffer = StringIO()
    command.upgrade(config, "head", sql=True)
    return config.output_buffer.getvalue()


def config_of(tree: str, url: str) -> Config:
    if tree not in TREES:
        raise ValueError(f"no such tree: {tree}")
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / tree / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    return config
