"""What is said over the link: registers read and written, bytes in and out at the same time."""

import struct
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

from tilefold_hw.link import COUNTED, COUNTS, WANTED, Kind

from .window import LinkError, Reply, Request

Progress = Callable[[int, int], object]
"""Called now and then with the number of bytes that were carried, and that there are."""

_REGISTER = 4  # bytes

# Of fetches in a row that bring nothing: longer than any packet is thought about.
_PATIENCE = 20_000


class Talk(ABC):
    """What a link is to say, request by request, and what it hears."""

    @property
    @abstractmethod
    def over(self) -> bool:
        """All was said, and all was heard."""

    @abstractmethod
    def say(self, most: int) -> Request | None:
        """Return the next request; ``None`` if that depends on replies that are still to come.

        Neither it nor its reply has more than *most* bytes of data: a bad line carries small frames
        more often than large ones.
        """

    @abstractmethod
    def hear(self, request: Request, reply: Reply | None) -> None:
        """Take note that *request* was done; its reply may have been lost."""

    @abstractmethod
    def unsay(self, request: Request) -> None:
        """Take *request* back: it was not done. The latest is taken back first."""


class Reading(Talk):
    """Registers are read, from an address on."""

    def __init__(self, address: int, count: int):
        self._parts = deque([(address, count)])
        self._start = address
        self._values = [0] * count
        self._missing = count

    @property
    def over(self) -> bool:
        """All were read."""
        return not self._missing

    @property
    def values(self) -> tuple[int, ...]:
        """What was read, when it is over."""
        return tuple(self._values)

    def say(self, most: int) -> Request | None:
        """Return the request for the next registers."""
        if not self._parts:
            return None
        address, count = self._parts.popleft()
        if count > (now := most // _REGISTER):
            self._parts.appendleft((address + now, count - now))
            count = now
        return Request(Kind.READ, address, bytes([count]))

    def hear(self, request: Request, reply: Reply | None) -> None:
        """Take note of what was read; what was lost is read again."""
        count = request.data[0]
        if reply is None:
            self._parts.append((request.value, count))
            return
        values = [value for (value,) in struct.iter_unpack("<I", reply.data)]
        start = request.value - self._start
        self._values[start : start + count] = values
        self._missing -= count

    def unsay(self, request: Request) -> None:
        """Read these registers later."""
        self._parts.appendleft((request.value, request.data[0]))


class Writing(Talk):
    """Registers and memories are written, in order; neighbours share a request."""

    def __init__(self, writes: Iterable[tuple[int, int]]):
        self._writes = deque(writes)
        self._missing = len(self._writes)

    @property
    def over(self) -> bool:
        """All were written."""
        return not self._missing

    def say(self, most: int) -> Request | None:
        """Return the request for the next writes."""
        if not self._writes:
            return None
        start = self._writes[0][0]
        data = bytearray()
        while self._writes and len(data) + _REGISTER <= most:
            address, value = self._writes[0]
            if address != start + len(data) // _REGISTER:
                break
            data += value.to_bytes(_REGISTER, "little")
            self._writes.popleft()
        return Request(Kind.WRITE, start, bytes(data))

    def hear(self, request: Request, reply: Reply | None) -> None:
        """Take note of what was written."""
        self._missing -= len(request.data) // _REGISTER

    def unsay(self, request: Request) -> None:
        """Write these registers later, and still before all that come after them."""
        writes = enumerate(struct.iter_unpack("<I", request.data), request.value)
        self._writes.extendleft(reversed([(address, value) for address, (value,) in writes]))


class Counts:
    """Bytes of a session, counted as the device counts them.

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

    def hear(self, reply: Reply) -> None:
        """Take note of what the device tells."""
        self.produced, self.allowed = COUNTS.unpack(reply.value.to_bytes(COUNTS.size, "little"))


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
        packets: Sequence[bytes],
        expected: int,
        progress: Progress | None = None,
    ):
        self._counts = counts
        self._data = b"".join(packets)
        self._ends = list(accumulate(map(len, packets)))
        self._said = 0  # of the data
        self._unheard = len(self._data)
        self._received = bytearray(expected)
        self._total = self._unheard + expected
        self._carried = 0
        self._progress = progress
        # Of what comes out: asked for up to here, but for the gaps; and what has no reply yet.
        self._asked = 0
        self._gaps: deque[tuple[int, int]] = deque()
        self._under_way: dict[Request, tuple[int, int]] = {}
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

    def say(self, most: int) -> Request | None:
        """Return the next request, one that sends and one that fetches in turns."""
        ways = (self._fetch, self._send) if self._fetch_next else (self._send, self._fetch)
        for way in ways:
            if request := way(most):
                self._fetch_next = request.kind != Kind.FETCH
                return request
        return None

    def hear(self, request: Request, reply: Reply | None) -> None:
        """Take note of bytes that went in, or came out; what was lost is fetched again."""
        if request.kind == Kind.FETCH:
            self._heard_fetch(request, reply)
        else:
            self._unheard -= len(request.data)
            self._carry(len(request.data))
            if reply:
                self._counts.hear(reply)

    def unsay(self, request: Request) -> None:
        """Send or fetch these bytes later."""
        if request.kind == Kind.FETCH:
            self._miss(*self._under_way.pop(request))
        else:
            self._move(-len(request.data))

    def _send(self, most: int) -> Request | None:
        if self._said == len(self._data):
            return None
        end = self._ends[bisect_right(self._ends, self._said)]
        data = self._data[self._said : min(end, self._said + most)]
        if len(data) > (self._counts.allowed - self._counts.sent) % COUNTED:
            return None
        self._move(len(data))
        return Request(Kind.SEND_LAST if self._said == end else Kind.SEND, 0, data)

    def _move(self, count: int) -> None:
        self._said += count
        self._counts.sent = (self._counts.sent + count) % COUNTED

    def _fetch(self, most: int) -> Request | None:
        if self._gaps:
            offset, count = self._gaps.popleft()
            if count > most:
                self._gaps.appendleft((offset + most, count - most))
                count = most
        else:
            known = _signed(self._counts.produced - self._counts.fetched - self._asked)
            count = min(most, len(self._received) - self._asked)
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
        parts = [(offset, count), *self._under_way.values(), *self._gaps]
        base = self._counts.fetched
        wanted = WANTED.pack((base + offset) % COUNTED, (base + min(parts)[0]) % COUNTED)
        request = Request(Kind.FETCH, int.from_bytes(wanted, "little"), bytes([count]))
        self._under_way[request] = offset, count
        return request

    def _heard_fetch(self, request: Request, reply: Reply | None) -> None:
        offset, count = self._under_way.pop(request)
        if reply is None:
            self._miss(offset, count)
            return
        self._counts.hear(reply)
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
            self._counts.fetched = (self._counts.fetched + self._asked) % COUNTED

    def _miss(self, offset: int, count: int) -> None:
        """Fetch these bytes again; those that nobody has told of are looked for again."""
        known = offset + _signed(self._counts.produced - self._counts.fetched - offset)
        if offset + count > known:
            # Only the last request looks for such.
            self._asked = max(offset, known)
        if offset < self._asked:
            self._gaps.appendleft((offset, min(count, self._asked - offset)))

    def _carry(self, count: int) -> None:
        self._carried += count
        if self._progress:
            self._progress(self._carried, self._total)


def _signed(count: int) -> int:
    """Difference of two counts that are not far from each other."""
    return (count + COUNTED // 2) % COUNTED - COUNTED // 2
