"""secureHash: what the docs promise is what is checked."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.security.secure_hash import is_secure_hash, secure_hash

VECTORS = json.loads(Path("docs/reference/secure-hash-vectors.json").read_text())
SCALARS = st.one_of(st.text(st.characters(codec="utf-8")), st.booleans(), st.integers())
FIELDS = st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), SCALARS, max_size=8)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_vectors_of_the_docs_hold(vector: dict[str, Any]) -> None:
    assert secure_hash(vector["fields"], vector["sharedApiKey"]) == vector["secureHash"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_vectors_stand_in_the_how_to(vector: dict[str, Any]) -> None:
    page = Path("docs/how-to/secure-hash.md").read_text()
    assert vector["secureHash"] in page
    assert vector["signed"] in page


@given(FIELDS, st.randoms())
def test_the_order_of_fields_does_not_count(fields: dict[str, object], random: Any) -> None:
    names = list(fields)
    random.shuffle(names)
    assert secure_hash({name: fields[name] for name in names}, "k") == secure_hash(fields, "k")


@given(FIELDS)
def test_a_null_is_as_good_as_absent(fields: dict[str, object]) -> None:
    assert secure_hash({**fields, "\uffff": None}, "k") == secure_hash(fields, "k")


def test_names_are_sorted_by_code_point() -> None:
    assert secure_hash({"a": 1, "B": 2}, "k") == secure_hash({"x": 0, "B": 2, "a": 1} | {"x": None}, "k")
    assert secure_hash({"B": "2&a=1"}, "k") == secure_hash({"a": 1, "B": 2}, "k")  # B stands before a


def test_what_is_nested_is_signed_under_its_path() -> None:
    nested = {"answers": [{"id": 1, "text": None}, {"id": 2}], "of": {"user": "x"}, "none": []}
    assert secure_hash(nested, "k") == secure_hash({"answers.0.id": 1, "answers.1.id": 2, "of.user": "x"}, "k")
    assert secure_hash({"a": [1, 2]}, "k") != secure_hash({"a": [2, 1]}, "k")


def test_true_is_not_one() -> None:
    assert len({secure_hash({"x": value}, "k") for value in (True, 1, "True")}) == 3
    assert secure_hash({"x": True}, "k") == secure_hash({"x": "true"}, "k")


def test_only_the_exact_hash_is_one() -> None:
    right = secure_hash({"x": 1}, "k")
    assert is_secure_hash(right, {"x": 1}, "k")
    for wrong in ["", right.upper(), right[:-1], right + "0", "ü", "\ud800", secure_hash({"x": 1}, "l")]:
        assert not is_secure_hash(wrong, {"x": 1}, "k")
