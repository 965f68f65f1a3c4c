"""A device in a few lines, with its port: what is sent to it comes out again. Registers keep."""

import struct

from tilefold.link.frames import Frame, Reader, encode
from tilefold_hw.device import DEVICES, ID, VERSION, device_registers
from tilefold_hw.link import (
    COUNTED,
    COUNTS,
    DATA_MOST,
    DONE,
    REGISTERS_MOST,
    WANTED,
    Kind,
    Refusal,
    Wrong,
)


class Peer:
    """A device behind a port that has no time: what nobody answers at once is not answered."""

    def __init__(self, slots=8, ring=2048, chunk=None):
        config = DEVICES["ulx3s"]
        own = {
            "id": ID,
            "version": VERSION,
            "sides": config.sides,
            "clock": config.clock_hz,
            "slots": slots,
            "ring": ring,
        }
        own |= {f"digest_{n}": int(config.codec.digest[8 * n : 8 * n + 8], 16) for n in range(8)}
        self.fixed = {
            register.address: own.get(register.name, 0) for register in device_registers()
        }
        self.ring = ring
        self.slots = slots
        self.session = 0
        #: Bytes that come out at each look; ``None``: all.
        self.chunk = chunk
        #: Every request that was done, and the ends of packets.
        self.done = []
        self.reader = Reader()
        self.out = bytearray()
        self.baudrate = 3_000_000
        self.timeout = None
        self.reset()

    def reset(self):
        """Forget everything: somebody has pressed the button."""
        self.session = 0
        self._begin()

    def _begin(self):
        self.next = 0
        self.registers = dict(self.fixed)
        self.inside = bytearray()
        self.came = self.went = self.released = 0
        self.kept = bytearray()
        self.ends = []

    # The port.

    def write(self, data):
        for frame in self.reader.feed(data)[: self.slots]:
            self.out += encode(self.serve(frame))
        return len(data)

    @property
    def in_waiting(self):
        return len(self.out)

    def read(self, size=1):
        data = bytes(self.out[:size])
        del self.out[:size]
        return data

    def reset_input_buffer(self):
        self.out.clear()

    def close(self):
        self.session = None

    # The device.

    def serve(self, frame):
        kind, value, data = self._serve(frame)
        return Frame(kind, frame.sequence, frame.session, value, data)

    def _serve(self, frame):
        if frame.kind == Kind.OPEN and frame.session:
            if frame.session != self.session:
                self._begin()
                self.session, self.next = frame.session, (frame.sequence + 1) % 256
            return Kind.OPEN | DONE, 0, b""
        if frame.session != self.session or not self.session:
            return Refusal.STRAY, self.session, b""
        if frame.sequence != self.next:
            return Refusal.ORDER, self.next, b""
        self._move()
        sends = frame.kind in (Kind.SEND, Kind.SEND_LAST)
        if sends and len(self.inside) + len(frame.data) > self.ring:
            return Refusal.FULL, self._counts, b""
        self.next = (self.next + 1) % 256
        self.done.append(frame)
        return self._do(frame)

    @property
    def _counts(self):
        self._move()
        produced = (self.released + len(self.kept)) % COUNTED
        allowed = (self.went + self.ring) % COUNTED
        return int.from_bytes(COUNTS.pack(produced, allowed), "little")

    def _move(self):
        room = self.ring - len(self.kept)
        count = min(room, len(self.inside), self.chunk or self.ring)
        self.kept += self.inside[:count]
        del self.inside[:count]
        self.went = (self.went + count) % COUNTED

    def _do(self, frame):
        data = frame.data
        if frame.kind == Kind.READ:
            if len(data) != 1 or not 1 <= data[0] <= REGISTERS_MOST:
                return Refusal.WRONG, Wrong.LENGTH, b""
            addresses = range(frame.value, frame.value + data[0])
            words = (self.registers.get(address, 0) for address in addresses)
            return Kind.READ | DONE, 0, b"".join(struct.pack("<I", word) for word in words)
        if frame.kind == Kind.WRITE:
            if not data or len(data) % 4:
                return Refusal.WRONG, Wrong.LENGTH, b""
            for place, (word,) in enumerate(struct.iter_unpack("<I", data)):
                self.registers[frame.value + place] = word
            return Kind.WRITE | DONE, 0, b""
        if frame.kind in (Kind.SEND, Kind.SEND_LAST):
            if not data:
                return Refusal.WRONG, Wrong.LENGTH, b""
            self.inside += data
            self.came += len(data)
            if frame.kind == Kind.SEND_LAST:
                self.ends.append(self.came)
            return frame.kind | DONE, self._counts, b""
        if frame.kind == Kind.FETCH:
            return self._fetch(frame)
        return Refusal.WRONG, Wrong.KIND, b""

    def _fetch(self, frame):
        if len(frame.data) != 1 or frame.data[0] > DATA_MOST:
            return Refusal.WRONG, Wrong.LENGTH, b""
        offset, release = WANTED.unpack(frame.value.to_bytes(WANTED.size, "little"))
        free, start = ((at - self.released) % COUNTED for at in (release, offset))
        if not free <= start <= len(self.kept):
            return Refusal.WRONG, Wrong.OFFSET, b""
        del self.kept[:free]
        self.released = release
        start -= free
        data = bytes(self.kept[start : start + frame.data[0]])
        return Kind.FETCH | DONE, self._counts, data
