"""Frames of the link as bytes, and bytes as frames; what is no frame is dropped and counted."""

from typing import NamedTuple
from zlib import crc32

from cobs import cobs

from tilefold_hw.link import BODY_MOST, CRC, DATA_MOST, FRAME_MOST, HEADER


class Frame(NamedTuple):
    """A frame; :mod:`tilefold_hw.link` tells what its fields say."""

    kind: int
    sequence: int
    session: int
    value: int
    data: bytes = b""


def encode(frame: Frame) -> bytes:
    """Return a frame as it goes over the wire, its zero at the end.

    >>> encode(Frame(1, 2, 0x304, 5)).hex(" ")
    '06 01 02 04 03 05 01 01 05 2a 06 f8 d5 00'
    """
    if len(frame.data) > DATA_MOST:
        raise ValueError(f"data must be at most {DATA_MOST} bytes, not {len(frame.data)}")
    body = HEADER.pack(*frame[:4]) + frame.data
    return bytes(cobs.encode(body + CRC.pack(crc32(body)))) + b"\0"


class Reader:
    """Finds frames in what comes from the wire, in pieces of any length.

    Attributes
    ----------
    damaged : int
        What stood between two zeros and was no frame. Nothing at all is not counted: zeros may
        come in any number.
    """

    def __init__(self) -> None:
        self.damaged = 0
        self._rest = b""
        self._long = False

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that end in *data*."""
        *ended, self._rest = (self._rest + data).split(b"\0")
        frames = []
        for coded in ended:
            frame = None if self._long else decode(coded)
            if frame:
                frames.append(frame)
            elif coded or self._long:
                self.damaged += 1
            self._long = False
        if len(self._rest) >= FRAME_MOST:
            # No frame is as long. What is left of it must not pile up until a zero comes.
            self._rest, self._long = b"", True
        return frames


def decode(coded: bytes) -> Frame | None:
    """Return the frame that is coded so, without its zero; ``None`` if that is none."""
    try:
        whole = cobs.decode(coded)
    except cobs.DecodeError:
        return None
    body, told = whole[: -CRC.size], whole[-CRC.size :]
    if not HEADER.size <= len(body) <= BODY_MOST or CRC.pack(crc32(body)) != told:
        return None
    kind, sequence, session, value = HEADER.unpack_from(body)
    return Frame(kind, sequence, session, value, body[HEADER.size :])
