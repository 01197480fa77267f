"""What PSYTER_DB_URL and SCHEDULING_DB_URL may say, and the SQLAlchemy address that they mean."""

import re

from databases.segments import SegmentCipher
from databases.strings import ConnectionStringWrong, to_address

URL = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*)://")
SCHEMES = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "mssql+pyodbc": "mssql+pyodbc",
}


def address_of(given: str, *, key: str | None) -> str:
    """`given` if it is an address already; a connection string is translated, with its encrypted segments decrypted
    by `key`. Raises ConnectionStringWrong."""
    url = URL.match(given)
    if url is None:
        return to_address(given, None if key is None else SegmentCipher(key))
    scheme = SCHEMES.get(url["scheme"].lower())
    if scheme is None:
        raise ConnectionStringWrong(f"it must begin with one of {', '.join(SCHEMES)}")
    return f"{scheme}://{given[url.end() :]}"
