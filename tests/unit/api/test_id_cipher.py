"""Public ids: one text per (kind, id), and nothing else opens."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.security.id_cipher import IdCipher, IdKind, IdTampered

CIPHER = IdCipher("k" * 32)
IDS = st.integers(min_value=-(2**63), max_value=2**63 - 1)
KINDS = st.sampled_from(IdKind)
ALPHABET = string.ascii_letters + string.digits + "-_"


@given(KINDS, IDS)
def test_an_id_comes_back_and_always_has_the_same_text(kind: IdKind, id: int) -> None:
    text = CIPHER.encrypt(kind, id)
    assert CIPHER.decrypt(kind, text) == id
    assert CIPHER.encrypt(kind, id) == text
    assert set(text) <= set(ALPHABET)


@given(KINDS, IDS, st.data())
def test_any_single_change_is_refused(kind: IdKind, id: int, data: st.DataObject) -> None:
    text = CIPHER.encrypt(kind, id)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from([letter for letter in ALPHABET if letter != text[place]]))
    with pytest.raises(IdTampered):
        CIPHER.decrypt(kind, text[:place] + other + text[place + 1 :])


@given(KINDS, KINDS, IDS)
def test_no_kind_passes_for_another(kind: IdKind, other: IdKind, id: int) -> None:
    if kind is not other:
        assert CIPHER.encrypt(kind, id) != CIPHER.encrypt(other, id)
        with pytest.raises(IdTampered):
            CIPHER.decrypt(other, CIPHER.encrypt(kind, id))


@given(st.text())
def test_text_that_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(IdTampered):
        CIPHER.decrypt(IdKind.USER, text)


def test_no_spelling_but_the_canonical_one_is_read() -> None:
    text = CIPHER.encrypt(IdKind.USER, 1)
    last = ALPHABET_ORDER.index(text[-1])
    same_bytes = text[:-1] + ALPHABET_ORDER[last ^ 1]  # differs only in a bit that Base64 throws away
    for spelling in [same_bytes, text + "=", text + "\n", " " + text, text[:20] + "!" + text[20:]]:
        with pytest.raises(IdTampered):
            CIPHER.decrypt(IdKind.USER, spelling)


def test_ids_that_partners_keep_stay_valid() -> None:
    assert CIPHER.encrypt(IdKind.USER, 1) == "RbawvN6wesu4ftCO0uqLPxPvfcOSIbBgUvZxXJFTKVg"


@pytest.mark.parametrize("text", ["!" * 43, "!!!" + "A" * 40, "A" * 44, "A" * 5000, "", "é" * 43])
def test_text_of_no_two_blocks_is_refused(text: str) -> None:
    with pytest.raises(IdTampered):
        CIPHER.decrypt(IdKind.USER, text)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(IdTampered):
        IdCipher("x" * 32).decrypt(IdKind.USER, CIPHER.encrypt(IdKind.USER, 1))


ALPHABET_ORDER = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
