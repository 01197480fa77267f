"""ADO.NET connection strings of SQL Server, and the ODBC string that says the same.

    Data Source=db.example.com,1433;Initial Catalog=Psyter;User Id=tahoon;Password="a;b";Encrypt=true

Keys are known by their synonyms, in any case; a key that is not known is refused by its name, so that a misspelt one is
noticed. No message shows a value.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote_plus

from databases.segments import Segment, SegmentCipher, SegmentUnreadable, is_encrypted

DRIVER = "ODBC Driver 18 for SQL Server"


class ConnectionStringWrong(ValueError):
    """A connection string cannot be understood; the message names the place, never what stands there."""


# --- the text ------------------------------------------------------------------------------

PAIR = re.compile(
    r"""\s*(?P<key>(?:[^=;]|==)+?)\s*=(?!=)\s*
    (?: "(?P<double>(?:[^"]|"")*)" | '(?P<single>(?:[^']|'')*)' | (?P<bare>[^;"'\s][^;]*)? )\s*(?:;|$)""",
    re.VERBOSE,
)
NOTHING = re.compile(r"[\s;]*")
PLAIN = re.compile(r"""[^;"'=\s\x00-\x1f](?:[^;\x00-\x1f]*[^;\s\x00-\x1f])?""")  # needs no quotes


def parse(text: str) -> list[tuple[str, str]]:
    """Its (key, value) pairs, as they are written. Raises ConnectionStringWrong."""
    pairs: list[tuple[str, str]] = []
    place = _after_nothing(text, 0)
    while place < len(text):
        found = PAIR.match(text, place)
        if found is None:
            raise ConnectionStringWrong(f"part {len(pairs) + 1} is not of the form key=value")
        pairs.append((found["key"].replace("==", "="), _value_of(found)))
        place = _after_nothing(text, found.end())
    return pairs


def write(pairs: Iterable[tuple[str, str]]) -> str:
    """What `parse` reads as these pairs."""
    return ";".join(f"{key.replace('=', '==')}={_quoted(value)}" for key, value in pairs)


def _after_nothing(text: str, place: int) -> int:
    found = NOTHING.match(text, place)
    return place if found is None else found.end()


def _value_of(found: re.Match[str]) -> str:
    if found["double"] is not None:
        return found["double"].replace('""', '"')
    if found["single"] is not None:
        return found["single"].replace("''", "'")
    return (found["bare"] or "").rstrip()


def _quoted(value: str) -> str:
    return value if PLAIN.fullmatch(value) else '"' + value.replace('"', '""') + '"'


# --- what its keys mean --------------------------------------------------------------------

SEGMENTS = {
    **dict.fromkeys(("datasource", "server", "address", "addr", "networkaddress"), Segment.DATA_SOURCE),
    **dict.fromkeys(("initialcatalog", "database"), Segment.INITIAL_CATALOG),
    **dict.fromkeys(("userid", "uid", "user"), Segment.USER_ID),
    **dict.fromkeys(("password", "pwd"), Segment.PASSWORD),
}
YES_NO = {"true": "yes", "yes": "yes", "false": "no", "no": "no"}
ENCRYPT = {**YES_NO, "mandatory": "yes", "optional": "no", "strict": "strict"}
INTEGRATED = {**YES_NO, "sspi": "yes"}
INTENT = {"readonly": "ReadOnly", "readwrite": "ReadWrite"}
ANYTHING: Mapping[str, str] = {}
OPTIONS: dict[str, tuple[str, Mapping[str, str]]] = {  # key -> ODBC's, and the words it may say
    "encrypt": ("Encrypt", ENCRYPT),
    "trustservercertificate": ("TrustServerCertificate", YES_NO),
    "hostnameincertificate": ("HostnameInCertificate", ANYTHING),
    "integratedsecurity": ("Trusted_Connection", INTEGRATED),
    "trusted_connection": ("Trusted_Connection", INTEGRATED),
    "applicationintent": ("ApplicationIntent", INTENT),
    "multisubnetfailover": ("MultiSubnetFailover", YES_NO),
    "connectretrycount": ("ConnectRetryCount", ANYTHING),
    "connectretryinterval": ("ConnectRetryInterval", ANYTHING),
    "applicationname": ("APP", ANYTHING),
    "app": ("APP", ANYTHING),
    "workstationid": ("WSID", ANYTHING),
    "wsid": ("WSID", ANYTHING),
    "driver": ("Driver", ANYTHING),
}
IGNORED = {  # pools, time-outs and the like have settings of their own here, or do not matter
    *("multipleactiveresultsets", "persistsecurityinfo", "typesystemversion", "packetsize", "enlist"),
    *("pooling", "minpoolsize", "maxpoolsize", "connectionlifetime", "loadbalancetimeout", "poolblockingperiod"),
    *("connectionreset", "connecttimeout", "connectiontimeout", "timeout", "commandtimeout"),
    *("asynchronousprocessing", "currentlanguage", "language", "transactionbinding"),
}
LOCAL = re.compile(r"^(\.|\(local\)|\(localhost\))(?=$|[\\,])", re.IGNORECASE)
WORD = re.compile(r"[\w.,:\\-]+", re.ASCII)
OTHER_PROTOCOL = re.compile(r"(np|lpc|via|admin):", re.IGNORECASE)


def segment_of(key: str) -> Segment | None:
    return SEGMENTS.get(_plain(key))


def _plain(key: str) -> str:
    return re.sub(r"\s", "", key).lower()


def map_segments(text: str, change: Callable[[Segment, str], str]) -> str:
    """The connection string with each of the four segments changed."""
    pairs = [(key, segment_of(key), value) for key, value in parse(text)]
    if not any(segment for _, segment, _ in pairs):
        raise ConnectionStringWrong(f"it has none of {', '.join(Segment)}")
    return write((key, change(segment, value) if segment else value) for key, segment, value in pairs)


# --- the translation -----------------------------------------------------------------------


def to_address(text: str, cipher: SegmentCipher | None) -> str:
    """The SQLAlchemy address of the database that an ADO.NET connection string names. Raises ConnectionStringWrong."""
    return f"mssql+pyodbc:///?odbc_connect={quote_plus(to_odbc(text, cipher))}"


def to_odbc(text: str, cipher: SegmentCipher | None) -> str:
    segments: dict[Segment, str] = {}
    options = {"Driver": DRIVER, "APP": "tahoon", "Encrypt": "yes"}
    for key, value in parse(text):  # of a key that comes twice the last counts
        if (segment := segment_of(key)) is not None:
            segments[segment] = decrypted(segment, value, cipher)
        elif _plain(key) in OPTIONS:
            name, words = OPTIONS[_plain(key)]
            options[name] = _word(key, value, words)
        elif _plain(key) not in IGNORED:
            raise ConnectionStringWrong(f"the key {key!r} is not understood")
    return _odbc({"Driver": options.pop("Driver"), **_where_and_who(segments, options), **options})


def decrypted(segment: Segment, value: str, cipher: SegmentCipher | None) -> str:
    if not is_encrypted(value):
        return value
    if cipher is None:
        raise ConnectionStringWrong(f"the segment {segment} is encrypted, but there is no key (CONNECTION_KEY)")
    try:
        return cipher.decrypt(segment, value)
    except SegmentUnreadable:
        raise ConnectionStringWrong(
            f"the segment {segment} was encrypted with another key than CONNECTION_KEY, or was changed since"
        ) from None


def _where_and_who(segments: Mapping[Segment, str], options: dict[str, str]) -> dict[str, str]:
    is_trusted = options.pop("Trusted_Connection", "no") == "yes"
    needed = [Segment.DATA_SOURCE, Segment.INITIAL_CATALOG]
    needed += [] if is_trusted else [Segment.USER_ID, Segment.PASSWORD]
    if missing := [segment for segment in needed if not segments.get(segment)]:
        raise ConnectionStringWrong(f"it lacks {', '.join(missing)}")
    where = {"Server": _server(segments[Segment.DATA_SOURCE]), "Database": segments[Segment.INITIAL_CATALOG]}
    if is_trusted:
        return {**where, "Trusted_Connection": "yes"}
    return {**where, "UID": segments[Segment.USER_ID], "PWD": segments[Segment.PASSWORD]}


def _server(data_source: str) -> str:
    name = data_source.strip()
    if OTHER_PROTOCOL.match(name):
        raise ConnectionStringWrong(f"{Segment.DATA_SOURCE}: only TCP is spoken")
    return LOCAL.sub("localhost", name)


def _word(key: str, value: str, words: Mapping[str, str]) -> str:
    if is_encrypted(value):
        raise ConnectionStringWrong(f"the key {key!r} cannot be encrypted; only {', '.join(Segment)} can")
    if not words:
        return value
    try:
        return words[value.lower()]
    except KeyError:
        raise ConnectionStringWrong(f"the key {key!r} must be one of {', '.join(words)}") from None


def _odbc(parts: Mapping[str, str]) -> str:
    """What is more than a word stands in braces, so that no letter in it can end it."""
    return ";".join(f"{name}={value if WORD.fullmatch(value) else _braced(value)}" for name, value in parts.items())


def _braced(value: str) -> str:
    return "{" + value.replace("}", "}}") + "}"
