"""The link: a session with a device over a port."""

import secrets
from collections.abc import Iterable, Sequence
from typing import Any

import serial

from tilefold_hw.link import (
    CRC,
    FRAME_MOST,
    HEADER,
    REGISTERS_MOST,
    SLOTS,
    Kind,
)

from .frames import Reader
from .port import open_port
from .talk import Batch, Counts, Progress, Talk, Transfer
from .window import LinkError, Request, Window

TRIES = 10
"""Times that requests are sent again before the link is given up."""

_BITS = 10  # of a byte on the line, with start and stop
_SLACK = 0.1  # seconds that a USB bridge and the system may add to a reply
_SHORTEST = HEADER.size + CRC.size + 2
_NOISE_MOST = 1 << 16  # bytes without a frame among them, after which nobody sensible is there


class Link:
    """A session over a port.

    Requests are pipelined, as many as the device keeps. What is damaged, lost or comes twice is
    sent again or passed over. A line that is dead, or has nonsense on it, ends in an error after
    :data:`TRIES` times :attr:`timeout`.

    Parameters
    ----------
    url : str
        For :func:`~tilefold.link.port.open_port`.
    baud : int
        Bits a second, where the port has any.

    Attributes
    ----------
    timeout : float
        Seconds to wait for a reply.
    resent : int
        Times that requests were sent again.
    """

    def __init__(self, url: str, baud: int):
        self.url = url
        self.port: Any = open_port(url, baud)
        # All that can be under way, there and back.
        self.timeout = _SLACK + 2 * max(SLOTS) * FRAME_MOST * _BITS / baud
        self.port.timeout = self.timeout
        self.resent = 0
        self._reader = Reader()
        self._window: Window | None = None
        self._counts = Counts(0)

    @property
    def damaged(self) -> int:
        """What came and was no frame."""
        return self._reader.damaged

    def open(self) -> None:
        """Begin a session: the device is reset and holds no layer.

        Raises
        ------
        LinkError
            Nobody answers, or not as a device does.
        """
        self._reader = Reader()
        self.port.reset_input_buffer()
        # Until it has told how many it keeps, as few as there can be.
        self._window = Window(secrets.randbelow(0xFFFF) + 1, min(SLOTS))
        # A zero ends whatever the line has been left with.
        self._write(b"\0")
        self._say(Batch([Request(Kind.OPEN)]))

    def agree(self, slots: int, ring: int) -> None:
        """Use all the requests and bytes that the device keeps."""
        self._session.slots = slots
        self._counts = Counts(ring)

    def read(self, address: int, count: int = 1) -> tuple[int, ...]:
        """Read registers, from *address* on."""
        requests = [
            Request(Kind.READ, address + start, bytes([min(REGISTERS_MOST, count - start)]))
            for start in range(0, count, REGISTERS_MOST)
        ]
        batch = Batch(requests)
        self._say(batch)
        return batch.registers()

    def write(self, writes: Iterable[tuple[int, int]]) -> None:
        """Write registers and memories: pairs of address and value, in order."""
        self._say(Batch(_bursts(writes)))

    def transfer(
        self, packets: Sequence[bytes], expected: int, progress: Progress | None = None
    ) -> bytes:
        """Send *packets*, and return the *expected* bytes that come out."""
        transfer = Transfer(self._counts, packets, expected, progress)
        self._say(transfer)
        return transfer.received

    def close(self) -> None:
        """Close the port."""
        self.port.close()

    @property
    def _session(self) -> Window:
        if self._window is None:
            raise LinkError("link must be opened first")
        return self._window

    def _say(self, talk: Talk) -> None:
        window = self._session
        tries = noise = 0
        while not talk.over:
            out = []
            while window.room and (request := talk.say()):
                out.append(window.send(request))
            self._write(b"".join(out))
            if not len(window):
                raise LinkError("the device has nothing to answer, and more is expected of it")
            data = self._read()
            if not data:
                tries += 1
                if tries > TRIES:
                    raise LinkError(self._silence())
                self._again(window)
                continue
            noise += len(data)
            for frame in self._reader.feed(data):
                noise = 0
                for request, reply in window.hear(frame):
                    tries = 0
                    talk.hear(request, reply)
            if noise > _NOISE_MOST:
                raise LinkError(self._nonsense())
            if window.behind:
                self._again(window)

    def _again(self, window: Window) -> None:
        self.resent += 1
        # The zero ends what is left of a frame that was cut off.
        self._write(b"\0" + window.again())

    def _write(self, data: bytes) -> None:
        if not data:
            return
        try:
            self.port.write(data)
        except serial.SerialTimeoutException:
            raise LinkError(f"{self.url} takes no bytes: is its other end open?") from None
        except (serial.SerialException, OSError) as error:
            raise LinkError(f"{self.url} was lost: {error}") from None

    def _read(self) -> bytes:
        try:
            # What is there, or else the first that comes.
            return bytes(self.port.read(max(1, self.port.in_waiting)))
        except (serial.SerialException, OSError) as error:
            raise LinkError(f"{self.url} was lost: {error}") from None

    def _silence(self) -> str:
        told = f"{TRIES} times {self.timeout:.2g} s"
        if self._reader.damaged:
            return self._nonsense()
        return (
            f"nothing answers at {self.url} in {told}: is the board programmed "
            "(tilefold program), and is this its port?"
        )

    def _nonsense(self) -> str:
        return (
            f"what answers at {self.url} is no Tilefold device, or has another baud rate than "
            f"{self.port.baudrate}: nothing that came is a frame"
        )


def _bursts(writes: Iterable[tuple[int, int]]) -> list[Request]:
    """Put writes to one address after the other into one request."""
    requests: list[Request] = []
    start, data = 0, bytearray()
    for address, value in writes:
        if data and (address != start + len(data) // 4 or len(data) == 4 * REGISTERS_MOST):
            requests.append(Request(Kind.WRITE, start, bytes(data)))
            data.clear()
        if not data:
            start = address
        data += value.to_bytes(4, "little")
    if data:
        requests.append(Request(Kind.WRITE, start, bytes(data)))
    return requests
