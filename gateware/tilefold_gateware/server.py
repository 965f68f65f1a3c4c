"""Server: does what requests ask for, and replies."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw.link import DATA_MOST, DONE, HEADER, REGISTERS_MOST, Kind, Refusal, Wrong

from .intake import IntakePort
from .streams import Bus, framed
from .window import WindowPort

_WORD = 4  # bytes


class Server(wiring.Component):
    """Do one request after the other, as :mod:`tilefold_hw.link` tells, and compose the replies.

    What can be wrong with a request is found before any of it is done. Nothing waits but for who
    takes the replies.

    Parameters
    ----------
    ring : int
        Bytes of the intake and of the window.
    counter_width : int

    Members
    -------
    i : In(stream of 8 bits)
        A request, as :class:`~tilefold_gateware.mailbox.Mailbox` gives it.
    done : Out(1)
        The request is done; the next one is to follow.
    o : Out(stream of framed(8 bits))
        Bodies of replies.
    opened : Out(1)
        A session begins: what is behind ``bus``, ``intake`` and ``window`` is to be reset.
    bus : Out(Bus)
        Registers. What is read may come up to four cycles after its address.
    intake : Out(IntakePort)
    window : Out(WindowPort)
    wrong : Out(counter_width)
        Requests that could not be done, modulo the width.
    """

    def __init__(self, ring: int, counter_width: int):
        self.ring = ring
        super().__init__(
            {
                "i": In(stream.Signature(8)),
                "done": Out(1),
                "o": Out(stream.Signature(framed(8))),
                "opened": Out(1),
                "bus": Out(Bus(32)),
                "intake": Out(IntakePort(ring)),
                "window": Out(WindowPort()),
                "wrong": Out(counter_width),
            }
        )
        # The request's header; ``value`` goes on to the next address or offset.
        self._kind, self._sequence = Signal(8), Signal(8)
        self._session, self._value = Signal(16), Signal(32)
        # Bytes or registers that are left; the place in a header or word.
        self._left, self._index = Signal(8), Signal(range(HEADER.size))
        # Four bytes that come or go, the least at the end where they go.
        self._word = Signal(32)
        self._open, self._next = Signal(16), Signal(8)
        self._compared = Signal(4)
        self._counts = Cat(self.window.produced, self.intake.limit)

    def elaborate(self, platform):
        m = Module()
        i, word = self.i, self._word
        m.d.comb += [
            self.bus.address.eq(self._value),
            self.bus.w_data.eq(word),
            self.intake.payload.data.eq(i.payload),
            self.intake.payload.last.eq((self._kind == Kind.SEND_LAST) & (self._left == 1)),
            Cat(self.window.offset, self.window.release).eq(self._value),
            self.window.flush.eq(self.done),
        ]
        # Compared a cycle before it is judged.
        m.d.sync += [
            self.opened.eq(0),
            self._compared.eq(
                Cat(
                    self._session != 0,
                    self._session == self._open,
                    self._sequence == self._next,
                    self._left <= self.intake.room,
                )
            ),
        ]
        with m.FSM():
            with m.State("LENGTH"):
                m.d.comb += i.ready.eq(1)
                m.d.sync += self._left.eq(i.payload)
                with m.If(i.valid):
                    m.next = "HEADER"
            with m.State("HEADER"):
                self._take_header(m)
            with m.State("COMPARE"):
                m.next = "JUDGE"
            with m.State("JUDGE"):
                self._judge(m)
            with m.State("COUNT"):
                self._take_count(m)
            with m.State("CUT"):
                # ``word`` begins with what was produced.
                there = (word - self._value)[: len(self.intake.room)]
                with m.If(there < self._left):
                    m.d.sync += self._left.eq(there)
                self._finish(m)
            with m.State("WRITE"):
                self._write(m)
            with m.State("STORE"):
                self._store(m)
            with m.State("SEND"):
                m.d.comb += [i.ready.eq(1), self.intake.push.eq(i.valid)]
                with m.If(i.valid):
                    m.d.sync += self._left.eq(self._left - 1)
                    with m.If(self._left == 1):
                        self._finish(m)
            with m.State("REPLY"):
                self._reply(m)
            with m.State("LOAD"):
                m.d.sync += [
                    word.eq(self.bus.r_data),
                    self._value.eq(self._value + 1),
                    self._left.eq(self._left - 1),
                ]
                m.next = "READ"
            with m.State("READ"):
                self._read(m)
            with m.State("FETCH"):
                self._fetch(m)
        return m

    def _take_header(self, m):
        header = Cat(self._kind, self._sequence, self._session, self._value)
        m.d.comb += self.i.ready.eq(1)
        with m.If(self.i.valid):
            m.d.sync += [
                header.eq(Cat(header[8:], self.i.payload)),
                self._index.eq(self._index + 1),
            ]
            with m.If(self._index == HEADER.size - 1):
                m.next = "COMPARE"

    def _judge(self, m):
        kind, left = self._kind, self._left
        some, known, turn, fits = self._compared
        m.d.sync += self._word.eq(0)
        with m.If((kind == Kind.OPEN) & some):
            with m.If(left != 0):
                self._refuse(m, Wrong.LENGTH)
            with m.Else():
                self._finish(m)
                with m.If(~known):
                    m.d.sync += [
                        self.opened.eq(1),
                        self._open.eq(self._session),
                        self._next.eq(self._sequence + 1),
                    ]
        with m.Elif(~(known & some)):
            self._answer(m, Refusal.STRAY, self._open)
        with m.Elif(~turn):
            self._answer(m, Refusal.ORDER, self._next)
        with m.Else():
            m.d.sync += self._next.eq(self._next + 1)
            lengths = {
                Kind.READ: (left == 1, "COUNT"),
                Kind.FETCH: (left == 1, "COUNT"),
                Kind.WRITE: ((left != 0) & (left[:2] == 0), "WRITE"),
            }
            with m.Switch(kind):
                for which, (right, state) in lengths.items():
                    with m.Case(which):
                        m.next = state
                        with m.If(~right):
                            self._refuse(m, Wrong.LENGTH)
                with m.Case(Kind.SEND, Kind.SEND_LAST):
                    m.d.sync += self._word.eq(self._counts)
                    m.next = "SEND"
                    with m.If(left == 0):
                        self._refuse(m, Wrong.LENGTH)
                    with m.Elif(~fits):
                        self._answer(m, Refusal.FULL, self._counts)
                        m.d.sync += self._next.eq(self._next)
                with m.Default():
                    self._refuse(m, Wrong.KIND)

    def _take_count(self, m):
        reads, count = self._kind == Kind.READ, self.i.payload
        m.d.comb += self.i.ready.eq(1)
        m.d.sync += self._left.eq(count)
        with m.If(self.i.valid):
            with m.If(count > Mux(reads, REGISTERS_MOST, DATA_MOST)):
                self._refuse(m, Wrong.LENGTH)
            with m.Elif(reads):
                self._finish(m)
                with m.If(count == 0):
                    self._refuse(m, Wrong.LENGTH)
            with m.Elif(self.window.sound):
                m.d.comb += self.window.apply.eq(1)
                m.d.sync += self._word.eq(self._counts)
                m.next = "CUT"
            with m.Else():
                self._refuse(m, Wrong.OFFSET)

    def _write(self, m):
        m.d.comb += self.i.ready.eq(1)
        with m.If(self.i.valid):
            m.d.sync += [
                self._word.eq(Cat(self._word[8:], self.i.payload)),
                self._index.eq(self._index + 1),
                self._left.eq(self._left - 1),
            ]
            with m.If(self._index == _WORD - 1):
                m.next = "STORE"

    def _store(self, m):
        m.d.comb += self.bus.w_stb.eq(1)
        m.d.sync += [self._word.eq(0), self._index.eq(0), self._value.eq(self._value + 1)]
        m.next = "WRITE"
        with m.If(self._left == 0):
            self._finish(m)

    def _reply(self, m):
        o, index = self.o, self._index
        short = Cat(self._kind, self._sequence, self._session).word_select(index[:2], 8)
        loads = self._kind == (Kind.READ | DONE)
        fetches = (self._kind == (Kind.FETCH | DONE)) & (self._left != 0)
        ends = index == HEADER.size - 1
        m.d.comb += [
            o.valid.eq(1),
            o.payload.data.eq(Mux(index[2], self._word[:8], short)),
            o.payload.last.eq(ends & ~loads & ~fetches),
        ]
        with m.If(o.ready):
            m.d.sync += index.eq(index + 1)
            with m.If(index[2]):
                m.d.sync += self._word.eq(self._word >> 8)
            with m.If(ends):
                with m.If(loads):
                    m.next = "LOAD"
                with m.Elif(fetches):
                    m.next = "FETCH"
                with m.Else():
                    self._end(m)

    def _read(self, m):
        o, ends = self.o, self._index == _WORD - 1
        m.d.comb += [
            o.valid.eq(1),
            o.payload.data.eq(self._word[:8]),
            o.payload.last.eq(ends & (self._left == 0)),
        ]
        with m.If(o.ready):
            m.d.sync += [self._word.eq(self._word >> 8), self._index.eq(self._index + 1)]
            with m.If(ends):
                m.d.sync += self._index.eq(0)
                m.next = "LOAD"
                with m.If(self._left == 0):
                    self._end(m)

    def _fetch(self, m):
        o, data = self.o, self.window.data
        m.d.comb += [
            self.window.more.eq(1),
            o.valid.eq(data.valid),
            o.payload.data.eq(data.payload),
            o.payload.last.eq(self._left == 1),
            data.ready.eq(o.ready),
        ]
        with m.If(self.window.step):
            m.d.sync += self._value.eq(self._value + 1)
        with m.If(data.valid & o.ready):
            m.d.sync += self._left.eq(self._left - 1)
            with m.If(self._left == 1):
                self._end(m)

    def _finish(self, m):
        """Reply that it was done; ``word`` is the reply's value."""
        m.d.sync += [self._kind.eq(self._kind | DONE), self._index.eq(0)]
        m.next = "REPLY"

    def _answer(self, m, refusal, value):
        """Reply that it was not done."""
        m.d.sync += [self._kind.eq(refusal), self._word.eq(value), self._index.eq(0)]
        m.next = "REPLY"

    def _refuse(self, m, why):
        """Reply that it can't be done."""
        self._answer(m, Refusal.WRONG, why)
        m.d.sync += self.wrong.eq(self.wrong + 1)

    def _end(self, m):
        m.d.comb += self.done.eq(1)
        m.next = "LENGTH"
