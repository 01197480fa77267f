"""The ODBC drivers that the tests use: Debian's for PostgreSQL, and Microsoft's for SQL Server from its wheel."""

import platform
from importlib.metadata import files
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Integer
from sqlalchemy.connectors.pyodbc import PyODBCConnector
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.engine.interfaces import BindTyping

POSTGRES_DRIVER = "PostgreSQL Unicode"
HOW_TO_GET_IT = "Debian's ODBC driver for PostgreSQL is missing: apt-get install unixodbc odbc-postgresql"


class CastInteger(Integer):
    """The driver sends a number without its type, and PostgreSQL would take one in a CASE for a text."""

    render_bind_cast = True


class PostgresThroughOdbc(PyODBCConnector, PGDialect):
    """PostgreSQL's SQL over pyodbc, which is how the mssql dialect speaks: its parameters, row counts and errors."""

    driver = "pyodbc"
    supports_statement_cache = True
    bind_typing = BindTyping.RENDER_CASTS
    colspecs = {  # noqa: RUF012
        **PGDialect.colspecs,
        BigInteger: BigInteger,
        Integer: CastInteger,
    }

    def set_readonly(self, connection: Any, value: bool) -> None:
        pass

    def get_readonly(self, connection: Any) -> bool:
        return False


registry.register("postgresql.odbc", __name__, PostgresThroughOdbc.__name__)


def microsofts_driver() -> Path:
    """Driver 18's library for Debian's libc."""
    found = [Path(str(file.locate())) for file in files("mssql-python-odbc") or [] if "libmsodbcsql" in file.name]
    machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return next(path.resolve() for path in found if f"debian_ubuntu/{machine}" in str(path))
