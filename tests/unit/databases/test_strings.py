"""Connection strings in the manner of ADO.NET: read, written, translated to ODBC."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from databases.addresses import address_of
from databases.segments import Segment, SegmentCipher
from databases.strings import ConnectionStringWrong, map_segments, parse, to_address, to_odbc, write
from repositories.engines.mssql import driver_of, is_freetds

KEY = "k" * 32
CIPHER = SegmentCipher(KEY)
WHOLE = "Data Source=db.example.com,1433;Initial Catalog=Psyter;User Id=tahoon;Password=secret"
LETTERS = st.characters(exclude_categories=["Cs", "Cc"])
VALUES = st.text(LETTERS, max_size=30)
KEYS = st.text(st.characters(codec="ascii", categories=["L", "N"]) | st.sampled_from("= _"), min_size=1).map(str.strip)


def odbc_pairs(text: str) -> dict[str, str]:
    """An ODBC string taken apart as the driver manager does: a value in braces ends at a lone closing one."""
    found = re.findall(r"(\w+)=(?:\{((?:[^}]|\}\})*)\}|([^;{}]*))(?:;|$)", text)
    assert ";".join(f"{name}={{{braced}}}" if braced else f"{name}={word}" for name, braced, word in found) == text
    return {name: braced.replace("}}", "}") or word for name, braced, word in found}


# --- reading and writing -------------------------------------------------------------------


@given(st.lists(st.tuples(KEYS.filter(bool), VALUES), max_size=6))
def test_what_was_written_is_read(pairs: list[tuple[str, str]]) -> None:
    assert parse(write(pairs)) == pairs


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", []),
        (" ; ;", []),
        ("a=1;b=2;", [("a", "1"), ("b", "2")]),
        (" a = 1 ; b= ", [("a", "1"), ("b", "")]),
        ('a=x=y;b=\'semi;colon\';c="quo""te"', [("a", "x=y"), ("b", "semi;colon"), ("c", 'quo"te')]),
        ("a='it''s';b=it's;c= \" kept \" ", [("a", "it's"), ("b", "it's"), ("c", " kept ")]),
        ("a==b=1", [("a=b", "1")]),
    ],
)
def test_it_is_read_as_ado_net_reads_it(text: str, pairs: list[tuple[str, str]]) -> None:
    assert parse(text) == pairs


@pytest.mark.parametrize(
    "text", ["word", "a=1;word", "=1", "a='open", 'a="open;b=2', "a='x'y;b=1", "Password=x;secret"]
)
def test_what_cannot_be_read_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ConnectionStringWrong, match=r"^part \d is not of the form key=value$"):
        parse(text)


# --- the translation -----------------------------------------------------------------------


def test_the_four_segments_become_odbcs() -> None:
    assert odbc_pairs(to_odbc(WHOLE, None)) == {
        "Driver": "ODBC Driver 18 for SQL Server",
        "Server": "db.example.com,1433",
        "Database": "Psyter",
        "UID": "tahoon",
        "PWD": "secret",
        "APP": "tahoon",
        "Encrypt": "yes",
    }


@pytest.mark.parametrize(
    "synonyms",
    [
        "Server=db.example.com,1433;Database=Psyter;UID=tahoon;PWD=secret",
        "ADDRESS=db.example.com,1433;database=Psyter;user=tahoon;password=secret",
        "addr=db.example.com,1433;INITIAL CATALOG=Psyter;UserID=tahoon;Pwd=secret",
        "Network Address=old;Data Source=db.example.com,1433;Initial Catalog=Psyter;User ID=tahoon;Password=secret",
    ],
)
def test_synonyms_mean_the_same_and_the_last_one_counts(synonyms: str) -> None:
    assert to_odbc(synonyms, None) == to_odbc(WHOLE, None)


@given(server=VALUES, catalog=VALUES, user=VALUES, password=VALUES)
def test_no_letter_of_a_value_gets_out_of_it(server: str, catalog: str, user: str, password: str) -> None:
    segments = dict(zip(Segment, (f"s{server}", f"c{catalog}", f"u{user}", f"p{password}"), strict=True))
    found = odbc_pairs(to_odbc(write(segments.items()), None))
    assert (found["Server"], found["Database"]) == (f"s{server}".strip(), f"c{catalog}")
    assert (found["UID"], found["PWD"]) == (f"u{user}", f"p{password}")


@pytest.mark.parametrize(
    ("option", "name", "value"),
    [
        ("Encrypt=False", "Encrypt", "no"),
        ("encrypt=Strict", "Encrypt", "strict"),
        ("Encrypt=Optional", "Encrypt", "no"),
        ("TrustServerCertificate=True", "TrustServerCertificate", "yes"),
        ("Trust Server Certificate=no", "TrustServerCertificate", "no"),
        ("ApplicationIntent=readonly", "ApplicationIntent", "ReadOnly"),
        ("Application Intent=ReadWrite", "ApplicationIntent", "ReadWrite"),
        ("MultiSubnetFailover=True", "MultiSubnetFailover", "yes"),
        ("Host Name In Certificate=db", "HostnameInCertificate", "db"),
        ("Application Name=Psyter API", "APP", "Psyter API"),
        ("Workstation ID=w", "WSID", "w"),
        ("ConnectRetryCount=3", "ConnectRetryCount", "3"),
        ("Driver=FreeTDS", "Driver", "FreeTDS"),
    ],
)
def test_options_are_translated(option: str, name: str, value: str) -> None:
    assert odbc_pairs(to_odbc(f"{WHOLE};{option}", None))[name] == value


@pytest.mark.parametrize(
    "harmless",
    ["MultipleActiveResultSets=True", "Max Pool Size=100", "Connection Timeout=30", "Persist Security Info=False"],
)
def test_what_does_not_matter_here_is_left_out(harmless: str) -> None:
    assert to_odbc(f"{WHOLE};{harmless}", None) == to_odbc(WHOLE, None)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("AttachDbFilename=/tmp/x.mdf", "the key 'AttachDbFilename' is not understood"),
        ("Pasword=secret", "the key 'Pasword' is not understood"),
        ("Failover Partner=other", "the key 'Failover Partner' is not understood"),
        ("Encrypt=secret", "the key 'Encrypt' must be one of true, yes, false, no, mandatory, optional, strict"),
        ("Application Name=enc:v1:secret", "the key 'Application Name' cannot be encrypted"),
        ("Server=np:secret", "Data Source: only TCP is spoken"),
        ("Password=", "it lacks Password"),
        ("Server=;Database=''", "it lacks Data Source, Initial Catalog"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(option: str, words: str) -> None:
    with pytest.raises(ConnectionStringWrong) as refusal:
        to_odbc(f"{WHOLE};{option}", None)
    assert words in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_who_is_known_to_the_machine_needs_no_password() -> None:
    trusted = "Server=db;Database=Psyter;Integrated Security=SSPI"
    assert odbc_pairs(to_odbc(trusted, None))["Trusted_Connection"] == "yes"
    assert "Trusted_Connection" not in to_odbc(f"{WHOLE};Integrated Security=false", None)


@pytest.mark.parametrize(
    ("given_server", "server"),
    [
        (".", "localhost"),
        ("(local)", "localhost"),
        (r".\SQLEXPRESS", r"localhost\SQLEXPRESS"),
        ("(LOCAL),1433", "localhost,1433"),
        ("tcp:db.example.com,1433", "tcp:db.example.com,1433"),
        (".example.com", ".example.com"),
    ],
)
def test_this_machine_has_one_name(given_server: str, server: str) -> None:
    assert odbc_pairs(to_odbc(f"{WHOLE};Server={given_server}", None))["Server"] == server


# --- encrypted segments --------------------------------------------------------------------


@given(values=st.tuples(VALUES, VALUES, VALUES, VALUES), chosen=st.sets(st.sampled_from(Segment)))
def test_any_of_the_four_may_be_encrypted(values: tuple[str, str, str, str], chosen: set[Segment]) -> None:
    plain = write(zip(Segment, (f"x{value}" for value in values), strict=True))
    mixed = map_segments(plain, lambda one, value: CIPHER.encrypt(one, value) if one in chosen else value)
    assert to_odbc(mixed, CIPHER) == to_odbc(plain, None)
    assert all(f"{segment}=enc:v1:" in mixed.replace('"', "") for segment in chosen)


@pytest.mark.parametrize(
    ("cipher", "words"), [(None, "there is no key"), (SegmentCipher("K" * 32), "with another key than CONNECTION_KEY")]
)
def test_without_the_right_key_one_line_names_the_segment(cipher: SegmentCipher | None, words: str) -> None:
    text = f"{WHOLE};Password={CIPHER.encrypt(Segment.PASSWORD, 'secret')}"
    with pytest.raises(ConnectionStringWrong) as refusal:
        to_odbc(text, cipher)
    assert str(refusal.value).startswith("the segment Password ")
    assert words in str(refusal.value)
    assert "enc:" not in str(refusal.value)


def test_a_string_without_segments_is_not_one() -> None:
    with pytest.raises(ConnectionStringWrong, match="it has none of Data Source"):
        map_segments("Encrypt=true", CIPHER.encrypt)


# --- addresses -----------------------------------------------------------------------------


@given(password=VALUES.filter(bool))
def test_the_address_carries_the_odbc_string_unharmed(password: str) -> None:
    address = to_address(write([*parse(WHOLE), ("Password", password)]), None)
    url = make_url(address)
    assert url.drivername == "mssql+pyodbc"
    assert odbc_pairs(str(url.query["odbc_connect"]))["PWD"] == password
    assert parse_qs(urlsplit(address).query)["odbc_connect"] == [url.query["odbc_connect"]]


@pytest.mark.parametrize(
    ("given_text", "address"),
    [
        ("sqlite:///var/psyter.db", "sqlite:///var/psyter.db"),
        ("postgresql+psycopg://u:p@db/psyter", "postgresql+psycopg://u:p@db/psyter"),
        ("postgresql://u:p@db/psyter", "postgresql+psycopg://u:p@db/psyter"),
        ("mssql+pyodbc://u:p@db/psyter?driver=FreeTDS", "mssql+pyodbc://u:p@db/psyter?driver=FreeTDS"),
    ],
)
def test_an_address_is_taken_as_it_is(given_text: str, address: str) -> None:
    assert address_of(given_text, key=None) == address


@pytest.mark.parametrize(
    "other", ["mysql://u:secret@db/psyter", "mssql+pymssql://u:secret@db/psyter", "oracle://secret"]
)
def test_another_engine_is_refused(other: str) -> None:
    with pytest.raises(ConnectionStringWrong, match="it must begin with one of sqlite, postgresql"):
        address_of(other, key=None)


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        (to_address(WHOLE, None), "ODBC Driver 18 for SQL Server"),
        (to_address(f"{WHOLE};Driver='odd }}; name'", None), "odd }; name"),
        ("mssql+pyodbc://u:p@db/x?driver=FreeTDS", "FreeTDS"),
        ("mssql+pyodbc:///?odbc_connect=DRIVER%3DFreeTDS%3BServer%3Ddriver", "FreeTDS"),
        ("mssql+pyodbc://u:p@data-source", None),
    ],
)
def test_the_driver_is_known_from_the_address(url: str, driver: str | None) -> None:
    assert driver_of(url) == driver
    assert is_freetds(url) == (driver == "FreeTDS")
