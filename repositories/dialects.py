"""What a dialect must know that it would else ask its server."""

from typing import Any


def as_of_2017(dialect: Any) -> None:
    """Not knowing its server, SQL Server's dialect would write the types of 2005: DATETIME for a date, TEXT."""
    if dialect.name == "mssql":
        dialect.server_version_info = (14, 0, 0, 0)
        dialect.deprecate_large_types = True
