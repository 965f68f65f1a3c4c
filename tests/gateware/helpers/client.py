"""The smallest host: requests to a compiled device, one at a time, and what it replies."""

from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from zlib import crc32

import numpy as np
from cobs import cobs

from tilefold_gateware.device import Device
from tilefold_hw.config import CodecConfig
from tilefold_hw.device import SPACES, DeviceConfig, device_registers
from tilefold_hw.link import COUNTED, COUNTS, CRC, DATA_MOST, DONE, HEADER, WANTED, Kind, Refusal
from tilefold_sim.compiled import Compiled

OWN = {reg.name: SPACES["device"] + reg.address for reg in device_registers()}
SMALL = DeviceConfig(
    CodecConfig(tile=4, channels=4, tables=2, word_width=16, memory_words=16), slots=4, ring=512
)
IDLE = 700  # cycles in which the longest request is done, and its reply is sent


def sealed(body):
    """Body with its CRC."""
    return bytes(body) + CRC.pack(crc32(body))


def framed(body):
    """Frame on the wire."""
    return cobs.encode(sealed(body)) + b"\0"


def request(kind, sequence, session, value=0, data=b""):
    """Request on the wire."""
    return framed(HEADER.pack(kind, sequence, session, value) + data)


@dataclass(frozen=True)
class Reply:
    kind: int
    sequence: int
    session: int
    value: int
    data: bytes


def sound(wire):
    """Replies that are sound among what *wire* has."""
    for frame in bytes(wire).split(b"\0"):
        with suppress(cobs.DecodeError):
            text = cobs.decode(frame)
            body = text[: -CRC.size]
            if len(body) >= HEADER.size and sealed(body) == text:
                yield Reply(*HEADER.unpack_from(body), body[HEADER.size :])


def replies(wire):
    """Replies that *wire* has, all sound, and nothing else."""
    assert not wire or wire[-1] == 0
    found = list(sound(wire))
    assert len(found) == wire.count(0)
    return found


@cache
def simulation(config):
    """Compiled device: reset by who takes it."""
    return Compiled(Device(config))


class Client:
    """A host with a session of its own."""

    def __init__(self, config=SMALL, session=1, stall=0.0):
        self.config = config
        self.device = simulation(config)
        self.device.reset()
        self.stall = stall
        self.open(session)

    def open(self, session, sequence=0):
        """Open a session; what was counted in the one before begins anew."""
        self.session, self.sequence = session, sequence
        self.sent = self.fetched = 0
        self.ask(Kind.OPEN)

    def wire(self, data, idle=IDLE):
        """Put bytes on the wire; return the bytes that come back."""
        run = self.device.run(np.frombuffer(data, np.uint8), 0, stall=self.stall, idle=idle)
        return run.items.astype(np.uint8).tobytes()

    def say(self, *requests, idle=IDLE):
        """Send requests of this session, ``(kind, value, data)``; return the replies."""
        text = b""
        for kind, *rest in requests:
            text += request(kind, self.sequence, self.session, *rest)
            self.sequence = (self.sequence + 1) % 256
        return replies(self.wire(text, idle))

    def ask(self, kind, value=0, data=b""):
        """Send a request that must be done; return its reply."""
        sequence = self.sequence
        (reply,) = self.say((kind, value, data))
        assert (reply.kind, reply.sequence, reply.session) == (kind | DONE, sequence, self.session)
        return reply

    def insist(self, kind, value, data, harm):
        """Send a request over a line that does *harm*, until it is done, once.

        Returns
        -------
        Reply or None
            ``None``: it was done, and its reply was lost.
        """
        sequence, self.sequence = self.sequence, (self.sequence + 1) % 256
        while True:
            wire = harm(b"\0" + request(kind, sequence, self.session, value, data))
            for reply in sound(harm(self.wire(wire))):
                if reply.sequence == sequence and reply.kind == kind | DONE:
                    return reply
                if (reply.kind, reply.value) == (Refusal.ORDER, self.sequence):
                    return None

    def read(self, address, count=1):
        data = self.ask(Kind.READ, address, bytes([count])).data
        assert len(data) == 4 * count
        return np.frombuffer(data, "<u4").tolist()

    def own(self, name):
        """Read a register of the device itself."""
        return self.read(OWN[name])[0]

    def write(self, address, *values):
        self.ask(Kind.WRITE, address, np.array(values, "<u4").tobytes())

    def load(self, space, writes):
        """Write many registers of a side."""
        for address, value in writes:
            self.write(SPACES[space] + address, value & 0xFFFF_FFFF)

    def send(self, data, last=True):
        """Put bytes in, for which there must be room."""
        parts = [data[at : at + DATA_MOST] for at in range(0, len(data), DATA_MOST)]
        for place, part in enumerate(parts):
            ends = last and place == len(parts) - 1
            self.ask(Kind.SEND_LAST if ends else Kind.SEND, 0, part)
            self.sent += len(part)

    def fetch(self, count):
        """Return the next bytes that come out, at most *count*, and release them at once."""
        wanted = WANTED.pack(self.fetched % COUNTED, self.fetched % COUNTED)
        reply = self.ask(Kind.FETCH, int.from_bytes(wanted, "little"), bytes([count]))
        self.fetched += len(reply.data)
        return reply.data

    def transfer(self, data, count):
        """Send *data* and return the *count* bytes that come out, as there is room."""
        got, place = bytearray(), 0
        allowed = self.config.ring
        while place < len(data) or len(got) < count:
            step = min(DATA_MOST, len(data) - place, (allowed - self.sent) % COUNTED)
            if step:
                last = place + step == len(data)
                reply = self.ask(
                    Kind.SEND_LAST if last else Kind.SEND, 0, data[place : place + step]
                )
                allowed = COUNTS.unpack(reply.value.to_bytes(4, "little"))[1]
                place += step
                self.sent += step
            wanted = WANTED.pack(self.fetched % COUNTED, self.fetched % COUNTED)
            value = int.from_bytes(wanted, "little")
            reply = self.ask(Kind.FETCH, value, bytes([min(DATA_MOST, count - len(got))]))
            allowed = COUNTS.unpack(reply.value.to_bytes(4, "little"))[1]
            self.fetched += len(reply.data)
            got += reply.data
        return bytes(got)
