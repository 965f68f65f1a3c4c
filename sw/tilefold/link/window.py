"""The window: requests under way, and which of them are done.

A session's requests are numbered, and the device does none but the next. So its replies come in
order, and a reply tells of all requests before it, too: they were done, though their replies were
lost. When something was lost, a **probe** finds out how far the device has come: a request that is
numbered far ahead, which it refuses by telling which is next. That refusal comes behind all that
was under way, so nothing is in doubt then, and what was not done can be asked for anew, in smaller
pieces, too.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from tilefold_hw.link import DONE, Kind, Refusal, Wrong

from .frames import Frame, encode

SEQUENCES = 256

_AHEAD = 64  # of the next request is the first probe
_PROBES = 128


class LinkError(ConnectionError):
    """The link does not carry what it should: the device does not answer, or answers nonsense."""


class SessionLost(LinkError):
    """The device was reset, or somebody else has opened it: it holds no layer of ours."""


class Request(NamedTuple):
    """What the device is asked to do."""

    kind: Kind
    value: int = 0
    data: bytes = b""


class Reply(NamedTuple):
    """What the device said of a request that it has done."""

    value: int
    data: bytes


Done = tuple[Request, Reply | None]
"""A request that was done, and its reply; ``None`` if that was lost."""


class Window:
    """Requests of a session that have no reply yet.

    Parameters
    ----------
    session : int
        1 to 65535.
    slots : int
        How many the device keeps.

    Attributes
    ----------
    lost : bool
        A request was lost: a probe is to find out which.
    undone : list of Request
        What the probe found not to have been done, in order. To be emptied by who reads it.
    """

    def __init__(self, session: int, slots: int):
        self.session = session
        self.slots = slots
        self.lost = False
        self.undone: list[Request] = []
        self._next = 1  # The request that opened the session was 0.
        self._waiting: deque[Frame] = deque()
        self._probe: int | None = None
        self._probes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def room(self) -> bool:
        """Another request may be sent."""
        return len(self._waiting) < self.slots and self._probe is None

    def send(self, request: Request) -> bytes:
        """Return *request* as it goes over the wire; it waits for its reply from now on."""
        frame = Frame(request.kind, self._next, self.session, request.value, request.data)
        self._next = (self._next + 1) % SEQUENCES
        self._waiting.append(frame)
        return encode(frame)

    def probe(self) -> bytes:
        """Return a probe as it goes over the wire. Nothing is sent until it has been answered."""
        self._probes = (self._probes + 1) % _PROBES
        self._probe = (self._next + _AHEAD + self._probes) % SEQUENCES
        return encode(Frame(Kind.READ, self._probe, self.session, 0, b"\1"))

    def hear(self, reply: Frame) -> Iterator[Done]:
        """Take a reply, and yield the requests that are done by what it says.

        Raises
        ------
        SessionLost
            The session is no longer open.
        LinkError
            The device refused a request for what it is.
        """
        if reply.session != self.session:
            return
        if reply.kind == Refusal.STRAY:
            if reply.value == 0:
                raise SessionLost("the device was reset, and holds no layer")
            raise SessionLost("another program has opened the device since")
        if reply.kind == Refusal.ORDER:
            yield from self._order(reply)
            return
        if not self._waiting or (place := self._place(reply.sequence)) >= len(self._waiting):
            return  # Told before: a reply that came twice.
        frame = self._waiting[place]
        if reply.kind == frame.kind | DONE:
            yield from self._finish(place)
            yield from self._finish(1, Reply(reply.value, reply.data))
        elif reply.kind == Refusal.WRONG:
            raise LinkError(f"the device refused {_named(frame)}: {_why(reply.value)}")
        elif reply.kind == Refusal.FULL:
            raise LinkError("the device has no room for bytes that it had asked for")

    def _order(self, reply: Frame) -> Iterator[Done]:
        if reply.sequence == self._probe:
            done = (reply.value - self._next) % SEQUENCES + len(self._waiting)
            yield from self._finish(done % SEQUENCES)
            self.undone = [_request(frame) for frame in self._waiting]
            self._waiting.clear()
            self._next, self._probe, self.lost = reply.value, None, False
        elif self._waiting and 0 < self._place(reply.sequence) < len(self._waiting):
            # One that is not the first of those that wait is refused: those before it were lost,
            # or their replies. One from before came twice, and tells nothing.
            self.lost = True

    def _place(self, sequence: int) -> int:
        return (sequence - self._waiting[0].sequence) % SEQUENCES

    def _finish(self, count: int, reply: Reply | None = None) -> Iterator[Done]:
        for _ in range(count):
            yield _request(self._waiting.popleft()), reply


def _request(frame: Frame) -> Request:
    return Request(Kind(frame.kind), frame.value, frame.data)


def _named(frame: Frame) -> str:
    return f"{Kind(frame.kind).name} at {frame.value:#x} with {len(frame.data)} bytes"


def _why(code: int) -> str:
    words = {
        Wrong.KIND: "it knows no such request",
        Wrong.LENGTH: "it asks for another length",
        Wrong.OFFSET: "it has no such bytes",
    }
    return words.get(Wrong(code), "") if code in list(Wrong) else f"reason {code}"
