"""The window: requests under way, which of them are done, and when to send them again.

A session's requests are numbered, and the device does none but the next. So its replies come in
order, and a reply tells of all requests before it, too: they were done, though their replies were
lost. Go-back-N (Tanenbaum): when one request was lost, all after it are sent again.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from tilefold_hw.link import DONE, Kind, Refusal, Wrong

from .frames import Frame, encode

SEQUENCES = 256


class LinkError(RuntimeError):
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
    behind : bool
        A request was lost: those without a reply are to be sent again.
    """

    def __init__(self, session: int, slots: int):
        self.session = session
        self.slots = slots
        self.behind = False
        self._next = 0
        self._waiting: deque[Frame] = deque()
        self._went_back = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def room(self) -> bool:
        """Another request may be sent."""
        return len(self._waiting) < self.slots

    def send(self, request: Request) -> bytes:
        """Return *request* as it goes over the wire; it waits for its reply from now on."""
        frame = Frame(request.kind, self._next, self.session, request.value, request.data)
        self._next = (self._next + 1) % SEQUENCES
        self._waiting.append(frame)
        return encode(frame)

    def again(self) -> bytes:
        """Return all that waits, as it goes over the wire."""
        self.behind, self._went_back = False, True
        return b"".join(map(encode, self._waiting))

    def hear(self, reply: Frame) -> Iterator[Done]:
        """Take a reply, and yield the requests that are done by what it says.

        Raises
        ------
        SessionLost
            The session is no longer open.
        LinkError
            The device refused a request for what it is.
        """
        if reply.session != self.session or not self._waiting:
            return
        if reply.kind == Refusal.STRAY:
            if reply.value == 0:
                raise SessionLost("the device was reset, and holds no layer")
            raise SessionLost("another program has opened the device since")
        if reply.kind == Refusal.ORDER:
            ahead = (reply.sequence - reply.value) % SEQUENCES
            if (count := self._place(reply.value)) <= len(self._waiting):
                yield from self._finish(count)
                # One that is ahead tells that others were lost; one that is not came twice. Those
                # behind the lost one are all refused, and once is enough to go back.
                if 0 < ahead < self.slots and self._waiting and not self._went_back:
                    self.behind = True
            return
        if (place := self._place(reply.sequence)) >= len(self._waiting):
            return  # Told before: a reply that came twice.
        frame = self._waiting[place]
        if reply.kind == frame.kind | DONE:
            yield from self._finish(place)
            yield from self._finish(1, Reply(reply.value, reply.data))
        elif reply.kind == Refusal.WRONG:
            raise LinkError(f"the device refused {_named(frame)}: {_why(reply.value)}")
        elif reply.kind == Refusal.FULL:
            raise LinkError("the device has no room for bytes that it had asked for")

    def _place(self, sequence: int) -> int:
        return (sequence - self._waiting[0].sequence) % SEQUENCES

    def _finish(self, count: int, reply: Reply | None = None) -> Iterator[Done]:
        for _ in range(count):
            frame = self._waiting.popleft()
            self._went_back = False
            yield Request(Kind(frame.kind), frame.value, frame.data), reply


def _named(frame: Frame) -> str:
    return f"{Kind(frame.kind).name} at {frame.value:#x} with {len(frame.data)} bytes"


def _why(code: int) -> str:
    words = {
        Wrong.KIND: "it knows no such request",
        Wrong.LENGTH: "it asks for another length",
        Wrong.OFFSET: "it has no such bytes",
    }
    return words.get(Wrong(code), "") if code in list(Wrong) else f"reason {code}"
