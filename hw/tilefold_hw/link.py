"""The link: frames between a host and a device, byte by byte.

On the wire a frame is

    COBS(body, CRC-32 of the body) 0x00

Consistent overhead byte stuffing (Cheshire and Baker 1999) takes the zeros out of what it codes, so
a zero ends a frame and nothing else: whatever was damaged, the next zero is a place to start again.
The CRC-32 is that of IEEE 802.3, zlib and PNG. A body with its CRC has 12 to 252 bytes, which COBS
codes with one byte more. An empty frame is nothing, so a zero in front of a frame does no harm. All
numbers are little-endian.

    body = kind u8 · sequence u8 · session u16 · value u32 · data

**Requests** come from the host, and the device does them in order, each once: a session's requests
are numbered from the one that opens it, and no other than the next is done. A frame that is
damaged is dropped; so is one for which there is no room, and more than :data:`SLOTS` requests
without a reply need not find room. The host sends again from the first request without a reply.

=========  =======================  =======================================================
kind       value, data              what the device does; what its reply has
=========  =======================  =======================================================
OPEN       0                        Begins the session: the data path is reset and holds no
                                    layer. Nothing, if the session is open already.
READ       address; count u8        Reads *count* registers; their contents, u32 each.
WRITE      address; u32 each        Writes registers and memories, from *address* on.
SEND       0; bytes                 Puts bytes in; value: :data:`COUNTS`.
SEND_LAST  0; bytes                 The same; the last byte ends a packet.
FETCH      :data:`WANTED`;          Forgets what came out before *release*; at most *count*
           count u8                 of the bytes from *offset* on; value: :data:`COUNTS`.
=========  =======================  =======================================================

**Replies** have the sequence and session of their request. A request that was done is answered by
its kind and :data:`DONE`; one that was not, by

========  =======================  ========================================================
refusal   value                    why
========  =======================  ========================================================
STRAY     session that is open     The request is of another session; 0: none is open.
ORDER     sequence that is next    The request is not the next one: others were lost, or it
                                   was done before.
FULL      :data:`COUNTS`           SEND found no room. The request stays the next one.
WRONG     :class:`Wrong`           The request can't be done. It has had its turn.
========  =======================  ========================================================

Released, *release*, *offset* and what came out must be in this order. A reply's value that is not
told of here is 0. What is wrong with a request is found before any of it is done.

Bytes are counted from the opening of the session on, each way, modulo 2¹⁶, which is more than a
device keeps. Bytes that came out stay until they are released, so a reply that was lost is asked
for again. Nothing in a device waits for the host: a request that finds no room or no bytes says so.
So neither side can hang the other, and a host that went away in the middle leaves nothing behind
that the next OPEN does not clear.
"""

import struct
from enum import IntEnum

HEADER = struct.Struct("<BBHI")
"""Kind, sequence, session, value."""

CRC = struct.Struct("<I")

DATA_MOST = 240
"""Bytes of data in a frame, at most; a multiple of a register's four."""

REGISTERS_MOST = DATA_MOST // 4
"""Registers that a request reads or writes, at most."""

BODY_MOST = HEADER.size + DATA_MOST
FRAME_MOST = BODY_MOST + CRC.size + 2
"""Bytes of a frame on the wire, at most."""

COUNTS = struct.Struct("<HH")
"""Value of a reply to SEND and FETCH: how many bytes came out, and how many may have been sent."""

WANTED = struct.Struct("<HH")
"""Value of FETCH: offset and release."""

COUNTED = 1 << 16
"""Modulus of these counts."""

SLOTS = (2, 4, 8)
"""Requests that a device can be built to keep, until they are done."""

RINGS = (512, 1024, 2048, 4096, 8192)
"""Bytes that a device can be built to keep, of what came in and of what comes out, each."""


class Kind(IntEnum):
    """Kinds of request."""

    OPEN = 1
    READ = 2
    WRITE = 3
    SEND = 4
    SEND_LAST = 5
    FETCH = 6


DONE = 0x80
"""Added to a request's kind: the kind of its reply."""


class Refusal(IntEnum):
    """Kinds of reply to a request that was not done."""

    STRAY = 0xC1
    ORDER = 0xC2
    FULL = 0xC3
    WRONG = 0xC4


class Wrong(IntEnum):
    """What is wrong with a request."""

    #: There is no such kind.
    KIND = 1
    #: The data does not have the length that the kind asks for, or *count* is out of its range. An
    #: OPEN that has data opens nothing, and has no turn.
    LENGTH = 2
    #: FETCH: there are no such bytes: they are released, or have not come out.
    OFFSET = 3


BAUD_MOST = 3_000_000
BAUD_ERROR_MOST = 0.02
"""Part by which a baud rate may be off."""

_OVERSAMPLING_LEAST = 4  # cycles of a bit in which its middle can be found


def divisor(clock_hz: int, baud: int) -> int:
    """Cycles of a bit: the nearest that there is.

    Raises
    ------
    ValueError
        The rate that comes out is off by more than 2 %: the far end would read wrong bits.

    Examples
    --------
    >>> divisor(48_000_000, 3_000_000)
    16
    >>> divisor(25_000_000, 3_000_000)
    Traceback (most recent call last):
    ...
    ValueError: baud must be within 2 % of a divisor of 25000000 Hz, not 3000000: 8 cycles a bit \
would be 3125000, 4.2 % off
    """
    if not 0 < baud <= BAUD_MOST:
        raise ValueError(f"baud must be 1 to {BAUD_MOST}, not {baud}")
    cycles = max(1, (2 * clock_hz + baud) // (2 * baud))
    if cycles < _OVERSAMPLING_LEAST:
        raise ValueError(
            f"baud must be at most a {_OVERSAMPLING_LEAST}th of the clock of {clock_hz} Hz, "
            f"not {baud}"
        )
    off = abs(clock_hz / cycles / baud - 1)
    if off > BAUD_ERROR_MOST:
        raise ValueError(
            f"baud must be within {BAUD_ERROR_MOST:.0%} of a divisor of {clock_hz} Hz, not {baud}: "
            f"{cycles} cycles a bit would be {clock_hz / cycles:.0f}, {off:.1%} off".replace(
                "%", " %"
            )
        )
    return cycles
