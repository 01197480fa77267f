"""Encrypted segments: only our key, only this segment, only unchanged."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from databases.segments import PREFIX, Segment, SegmentCipher, SegmentUnreadable, is_encrypted

CIPHER = SegmentCipher("k" * 32)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(segment=st.sampled_from(Segment), value=TEXTS)
def test_what_was_encrypted_is_decrypted(segment: Segment, value: str) -> None:
    text = CIPHER.encrypt(segment, value)
    assert is_encrypted(text)
    assert CIPHER.decrypt(segment, text) == value


def test_the_same_value_twice_gives_two_texts() -> None:
    assert CIPHER.encrypt(Segment.PASSWORD, "secret") != CIPHER.encrypt(Segment.PASSWORD, "secret")


def test_what_is_encrypted_is_aes_256_cbc_in_base64() -> None:
    raw = base64.b64decode(CIPHER.encrypt(Segment.PASSWORD, "p" * 20).removeprefix(PREFIX), validate=True)
    assert len(raw) == 16 + 32 + 32  # IV, two blocks, tag


def test_another_key_reads_nothing() -> None:
    with pytest.raises(SegmentUnreadable):
        SegmentCipher("K" * 32).decrypt(Segment.PASSWORD, CIPHER.encrypt(Segment.PASSWORD, "secret"))


def test_a_password_is_no_data_source() -> None:
    with pytest.raises(SegmentUnreadable):
        CIPHER.decrypt(Segment.DATA_SOURCE, CIPHER.encrypt(Segment.PASSWORD, "secret"))


@settings(max_examples=200)
@given(data=st.data())
def test_a_changed_letter_is_noticed_wherever_it_stands(data: st.DataObject) -> None:
    text = CIPHER.encrypt(Segment.PASSWORD, "secret;of {some}=length")
    raw = bytearray(base64.b64decode(text.removeprefix(PREFIX)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SegmentUnreadable):
        CIPHER.decrypt(Segment.PASSWORD, PREFIX + base64.b64encode(raw).decode())


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "é", base64.b64encode(b"x" * 31).decode()])
def test_what_we_never_wrote_is_not_read(text: str) -> None:
    with pytest.raises(SegmentUnreadable):
        CIPHER.decrypt(Segment.PASSWORD, PREFIX + text)
