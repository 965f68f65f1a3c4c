import zlib

import pytest
from cobs import cobs
from hypothesis import given
from hypothesis import strategies as st

from tilefold.link.frames import Frame, Reader, encode
from tilefold_hw.link import DATA_MOST, FRAME_MOST

FRAMES = st.builds(
    Frame,
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=DATA_MOST),
)


def test_a_frame_is_what_the_page_says():
    frame = Frame(3, 7, 0x1234, 0xA0B0C0D0, b"\0\1\0")
    body = bytes.fromhex("03 07 34 12 d0 c0 b0 a0 00 01 00")
    crc = zlib.crc32(body).to_bytes(4, "little")
    assert encode(frame) == cobs.encode(body + crc) + b"\0"


@given(st.lists(FRAMES, max_size=5), st.integers(1, 300))
def test_frames_come_back_whatever_the_pieces(frames, size):
    wire = b"\0" + b"".join(map(encode, frames))
    reader, found = Reader(), []
    for start in range(0, len(wire), size):
        found += reader.feed(wire[start : start + size])
    assert found == frames
    assert reader.damaged == 0


@pytest.mark.parametrize("filling", [0, 1, 255])
def test_the_longest_frame_is_as_long_as_told(filling):
    frame = Frame(255, 255, 0xFFFF, 0xFFFFFFFF, bytes([filling]) * DATA_MOST)
    wire = encode(frame)
    assert len(wire) == FRAME_MOST
    assert Reader().feed(wire) == [frame]


def test_more_data_than_a_frame_has_is_refused():
    with pytest.raises(ValueError, match=r"^data must be at most 240 bytes, not 241$"):
        encode(Frame(1, 2, 3, 4, bytes(241)))


@given(FRAMES, st.data())
def test_a_frame_with_a_wrong_byte_is_dropped_and_the_next_is_found(frame, data):
    wire = bytearray(encode(frame))
    place = data.draw(st.integers(0, len(wire) - 2))
    wire[place] ^= data.draw(st.integers(1, 255))
    reader = Reader()
    assert reader.feed(bytes(wire)) == []
    assert reader.feed(encode(frame)) == [frame]
    assert reader.damaged >= 1


@given(FRAMES, st.data())
def test_a_frame_that_lacks_a_byte_is_dropped(frame, data):
    wire = encode(frame)
    place = data.draw(st.integers(0, len(wire) - 2))
    reader = Reader()
    assert reader.feed(wire[:place] + wire[place + 1 :]) == []
    assert reader.damaged == (len(wire) > 1)


def test_noise_without_a_zero_does_not_pile_up():
    reader = Reader()
    for _ in range(1000):
        assert reader.feed(b"\1" * 1000) == []
    assert len(reader._rest) < FRAME_MOST + 1000
    frame = Frame(1, 2, 3, 4)
    assert reader.feed(b"\0" + encode(frame)) == [frame]
    assert reader.damaged == 1


@given(st.binary(max_size=2000))
def test_anything_at_all_can_be_fed(data):
    reader = Reader()
    reader.feed(data)
    frame = Frame(1, 2, 3, 4)
    assert reader.feed(b"\0" + encode(frame)) == [frame]
