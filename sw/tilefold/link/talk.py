"""What is said over the link: a list of requests, or a transfer of bytes in and out at once."""

import struct
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from tilefold_hw.link import DATA_MOST, FETCHED, Kind

from .window import LinkError, Reply, Request

Progress = Callable[[int, int], object]
"""Called now and then with the number of bytes that were carried, and that there are."""

_MODULUS = 1 << 32

# Of fetches in a row that bring nothing: longer than any packet is thought about.
_PATIENCE = 20_000


class Talk(ABC):
    """What a link is to say, request by request, and what it hears."""

    @property
    @abstractmethod
    def over(self) -> bool:
        """All was said, and all was heard."""

    @abstractmethod
    def say(self) -> Request | None:
        """Return the next request; ``None`` if that depends on replies that are still to come."""

    @abstractmethod
    def hear(self, request: Request, reply: Reply | None) -> None:
        """Take note that *request* was done; its reply may have been lost."""


class Batch(Talk):
    """Requests that are known beforehand. What they read is put together in their order."""

    def __init__(self, requests: Iterable[Request]):
        self._requests = list(requests)
        self._to_say = deque(self._requests)
        self._replies: dict[Request, bytes] = {}
        self._missing = len(self._requests)

    @property
    def over(self) -> bool:
        """All are done, and all that read have been answered."""
        return not self._missing

    def say(self) -> Request | None:
        """Return the next request."""
        return self._to_say.popleft() if self._to_say else None

    def hear(self, request: Request, reply: Reply | None) -> None:
        """Take note that *request* was done; one whose answer was lost is said again."""
        if reply is None and request.kind == Kind.READ:
            self._to_say.append(request)
            return
        self._missing -= 1
        if request.kind == Kind.READ and reply:
            self._replies[request] = reply.data

    def registers(self) -> tuple[int, ...]:
        """Return what was read."""
        return tuple(
            value
            for request in self._requests
            if request.kind == Kind.READ
            for (value,) in struct.iter_unpack("<I", self._replies[request])
        )


class Counts:
    """Bytes of a session, counted as the device counts them: modulo 2³².

    Attributes
    ----------
    sent, allowed : int
        Bytes that went in, and how many may have.
    fetched, produced : int
        Bytes that were fetched by the transfers before, and that are known to have come out.
    """

    def __init__(self, ring: int):
        self.sent = 0
        self.allowed = ring
        self.fetched = 0
        self.produced = 0


class Transfer(Talk):
    """Bytes go in, packet by packet, and a known number of bytes comes out at the same time.

    Parameters
    ----------
    counts : Counts
    packets : sequence of bytes
        What goes in. The last byte of each ends a packet.
    expected : int
        How many bytes will come out: the guarantee, so that nobody has to tell where they end.
    progress : function
    """

    def __init__(
        self,
        counts: Counts,
        packets: Iterable[bytes],
        expected: int,
        progress: Progress | None = None,
    ):
        self._counts = counts
        self._chunks = deque(_chunks(packets))
        self._unheard = len(self._chunks)
        self._received = bytearray(expected)
        self._total = sum(len(data) for _, data in self._chunks) + expected
        self._carried = 0
        self._progress = progress
        # Of what comes out: asked for up to here, but for the gaps; and what has no reply yet.
        self._asked = 0
        self._gaps: deque[tuple[int, int]] = deque()
        self._under_way: list[tuple[int, int]] = []
        self._fetch_next = False
        self._empty = 0

    @property
    def over(self) -> bool:
        """All went in, and all came out."""
        return not (self._unheard or self._left)

    @property
    def received(self) -> bytes:
        """What came out, when it is over."""
        return bytes(self._received)

    @property
    def _left(self) -> bool:
        return bool(self._gaps or self._under_way) or self._asked < len(self._received)

    def say(self) -> Request | None:
        """Return the next request, one that sends and one that fetches in turns."""
        ways = (self._fetch, self._send) if self._fetch_next else (self._send, self._fetch)
        for way in ways:
            if request := way():
                self._fetch_next = request.kind != Kind.FETCH
                return request
        return None

    def hear(self, request: Request, reply: Reply | None) -> None:
        """Take note of bytes that went in, or came out; what was lost is fetched again."""
        if request.kind == Kind.FETCH:
            self._heard_fetch(request, reply)
        else:
            self._unheard -= 1
            self._carry(len(request.data))
            if reply:
                self._counts.allowed = reply.value

    def _send(self) -> Request | None:
        if not self._chunks:
            return None
        last, data = self._chunks[0]
        if len(data) > (self._counts.allowed - self._counts.sent) % _MODULUS:
            return None
        self._chunks.popleft()
        self._counts.sent = (self._counts.sent + len(data)) % _MODULUS
        return Request(Kind.SEND_LAST if last else Kind.SEND, 0, data)

    def _fetch(self) -> Request | None:
        if self._gaps:
            offset, count = self._gaps.popleft()
        else:
            known = _signed(self._counts.produced - self._counts.fetched - self._asked)
            count = min(DATA_MOST, len(self._received) - self._asked)
            if known > 0:
                count = min(count, known)
            elif self._under_way:
                # Their replies will tell of more. One request at a time looks for what nobody has
                # told of.
                return None
            if not count:
                return None
            offset = self._asked
            self._asked += count
        self._under_way.append((offset, count))
        released = min(at for at, _ in (*self._under_way, *self._gaps))
        base = self._counts.fetched
        data = FETCHED.pack(count, (base + released) % _MODULUS)
        return Request(Kind.FETCH, (base + offset) % _MODULUS, data)

    def _heard_fetch(self, request: Request, reply: Reply | None) -> None:
        offset = (request.value - self._counts.fetched) % _MODULUS
        count, _ = FETCHED.unpack(request.data)
        self._under_way.remove((offset, count))
        if reply is None:
            self._gaps.append((offset, count))
            return
        self._counts.produced = reply.value
        came = len(reply.data)
        self._received[offset : offset + came] = reply.data
        # Fewer come only to the request that looks for more, and that is the last.
        self._asked -= count - came
        self._empty = 0 if came else self._empty + 1
        if self._empty > _PATIENCE:
            raise LinkError(
                f"the device has given {self._asked} of {len(self._received)} bytes, and no more"
            )
        self._carry(came)
        if not self._left:
            self._counts.fetched = (self._counts.fetched + self._asked) % _MODULUS

    def _carry(self, count: int) -> None:
        self._carried += count
        if self._progress:
            self._progress(self._carried, self._total)


def _signed(count: int) -> int:
    """Difference of two counts that are not far from each other."""
    return (count + _MODULUS // 2) % _MODULUS - _MODULUS // 2


def _chunks(packets: Iterable[bytes]) -> Iterator[tuple[bool, bytes]]:
    """Cut packets into what a request carries, and tell which end one."""
    for packet in packets:
        for start in range(0, len(packet), DATA_MOST):
            end = start + DATA_MOST
            yield end >= len(packet), packet[start:end]
