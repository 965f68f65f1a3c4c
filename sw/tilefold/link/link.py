"""The link: a session with a device over a port."""

import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import serial

from tilefold_hw.link import DATA_MOST, DONE, FRAME_MOST, SLOTS, Kind

from .frames import Frame, Reader, encode
from .port import open_port
from .talk import Counts, Progress, Reading, Talk, Transfer, Writing
from .window import LinkError, Window

TRIES = 10
"""Times that requests are sent into silence before the link is given up."""

STRUGGLES = 300
"""Times that requests are sent again to a device that is heard, but does none of them."""

_BITS = 10  # of a byte on the line, with start and stop
_SLACK = 0.1  # seconds that a USB bridge and the system may add to a reply
_LEAST = 16  # bytes of data in a frame on the worst line
_CALM = 32  # requests in a row that none before was lost of: frames may be larger again
_OPENINGS = 50  # of a line on which something comes, if no answer: the worst loses every other

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
    seconds : callable
        Tells the time at the device.
    """

    def __init__(self, url: str, baud: int):
        self.url = url
        self.port: Any = open_port(url, baud)
        # All that can be under way, there and back.
        self.timeout = _SLACK + 2 * max(SLOTS) * FRAME_MOST * _BITS / baud
        self.port.timeout = self.timeout
        self.resent = 0
        # A simulation has a time of its own.
        self.seconds: Callable[[], float] = getattr(self.port, "seconds", time.monotonic)
        self._reader = Reader()
        self._window: Window | None = None
        self._counts = Counts(0)
        self._most = DATA_MOST
        self._calm = 0

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
        window = Window(secrets.randbelow(0xFFFF) + 1, min(SLOTS))
        request = Frame(Kind.OPEN, 0, window.session, 0)
        wanted = Frame(Kind.OPEN | DONE, 0, window.session, 0)
        self._window, self._most = window, DATA_MOST
        silent = 0
        for _ in range(_OPENINGS):
            # A zero ends whatever the line has been left with.
            self._write(b"\0" + encode(request))
            noise = 0
            while data := self._read():
                if wanted in self._reader.feed(data):
                    return
                if (noise := noise + len(data)) > _NOISE_MOST:
                    raise LinkError(self._nonsense())
            silent = 0 if noise else silent + 1
            if silent == TRIES:
                break
        raise LinkError(self._silence())

    def agree(self, slots: int, ring: int) -> None:
        """Use all the requests and bytes that the device keeps."""
        self._session.slots = slots
        self._counts = Counts(ring)

    def read(self, address: int, count: int = 1) -> tuple[int, ...]:
        """Read registers, from *address* on."""
        reading = Reading(address, count)
        self._say(reading)
        return reading.values

    def write(self, writes: Iterable[tuple[int, int]]) -> None:
        """Write registers and memories: pairs of address and value, in order."""
        self._say(Writing(writes))

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
        silent = struggles = noise = 0
        while not talk.over:
            out = []
            while window.room and (request := talk.say(self._most)):
                out.append(window.send(request))
            self._write(b"".join(out))
            data = self._read()
            silent = 0 if data else silent + 1
            noise += len(data)
            for frame in self._reader.feed(data):
                noise = 0
                for request, reply in window.hear(frame):
                    struggles = 0
                    self._calm += 1
                    talk.hear(request, reply)
            while window.undone:
                talk.unsay(window.undone.pop())
            if silent > TRIES or struggles > STRUGGLES:
                raise LinkError(self._silence())
            if noise > _NOISE_MOST:
                raise LinkError(self._nonsense())
            if window.lost or not data:
                struggles += 1
                self._recover(window)
            elif self._calm >= _CALM:
                self._calm, self._most = 0, min(DATA_MOST, 2 * self._most)

    def _recover(self, window: Window) -> None:
        self.resent += 1
        window.lost = False
        self._calm, self._most = 0, max(_LEAST, self._most // 2)
        # The zero ends what is left of a frame that was cut off.
        self._write(b"\0" + window.probe())

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
