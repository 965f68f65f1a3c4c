"""Server: does what requests ask for, and replies."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw.link import DATA_MOST, DONE, HEADER, REGISTERS_MOST, Kind, Refusal, Wrong

from .intake import IntakePort
from .streams import Bus, framed
from .window import WindowPort

_WORD = 4  # bytes

# What tells refusals from each other, and what they have in common.
_REFUSAL = 0x07
_REFUSED = Refusal.WRONG & ~_REFUSAL


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
        self._kind = Signal(8, reset_less=True)
        self._sequence = Signal(8, reset_less=True)
        self._session = Signal(16, reset_less=True)
        self._value = Signal(32, reset_less=True)
        self._take = Signal()
        self._step = Signal()
        # Bytes or registers that are left.
        self._left = Signal(8, reset_less=True)
        self._drop = Signal()
        # Four bytes that come or go: in at the top, out at the bottom; and a place among them, or
        # in a header.
        self._word = Signal(32, reset_less=True)
        self._shift = Signal()
        self._load = Signal()
        self._tell = Signal()
        self._index = Signal(range(HEADER.size))
        # The session that is open, and the sequence that is next.
        self._open = Signal(16)
        self._next = Signal(8)
        # How a request was refused, without the bits that all refusals have; 0: it was done.
        self._refusal = Signal(3)
        self._why = Signal(2)

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        m.d.comb += [
            self.bus.address.eq(self._value),
            self.bus.w_data.eq(self._word),
            self.intake.payload.data.eq(i.payload),
            self.intake.payload.last.eq((self._kind == Kind.SEND_LAST) & (self._left == 1)),
            Cat(self.window.offset, self.window.release).eq(self._value),
            self.window.flush.eq(self.done),
        ]
        m.d.sync += self.opened.eq(0)
        self._move(m)
        compared = self._compare(m)
        with m.FSM():
            with m.State("LENGTH"):
                m.d.comb += i.ready.eq(1)
                m.d.sync += [self._left.eq(i.payload), self._index.eq(0)]
                with m.If(i.valid):
                    m.next = "HEADER"
            with m.State("HEADER"):
                self._take_header(m)
            with m.State("COMPARE"):
                m.next = "JUDGE"
            with m.State("JUDGE"):
                self._judge(m, *compared)
            with m.State("COUNT"):
                self._take_count(m)
            with m.State("WRITE"):
                m.d.comb += [i.ready.eq(1), self._shift.eq(i.valid), self._drop.eq(i.valid)]
                with m.If(i.valid & (self._index == _WORD - 1)):
                    m.next = "STORE"
            with m.State("STORE"):
                m.d.comb += [self.bus.w_stb.eq(1), self._step.eq(1)]
                m.d.sync += self._index.eq(0)
                m.next = "WRITE"
                with m.If(self._left == 0):
                    m.next = "ANSWER"
            with m.State("SEND"):
                m.d.comb += [i.ready.eq(1), self.intake.push.eq(i.valid), self._drop.eq(i.valid)]
                with m.If(i.valid & (self._left == 1)):
                    m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += self._tell.eq(1)
                m.d.sync += self._index.eq(0)
                m.next = "REPLY"
                with m.If(self._fetches & (self._refusal == 0)):
                    m.next = "CUT"
            with m.State("CUT"):
                # ``word`` begins with what was produced.
                there = (self._word - self._value)[: len(self.intake.room)]
                with m.If(there < self._left):
                    m.d.sync += self._left.eq(there)
                m.next = "REPLY"
            with m.State("REPLY"):
                self._reply(m)
            with m.State("LOAD"):
                m.d.comb += [self._load.eq(1), self._step.eq(1), self._drop.eq(1)]
                m.d.sync += self._index.eq(0)
                m.next = "READ"
            with m.State("READ"):
                ends = self._index == _WORD - 1
                m.d.comb += [
                    o.valid.eq(1),
                    o.payload.data.eq(self._word[:8]),
                    o.payload.last.eq(ends & (self._left == 0)),
                    self._shift.eq(o.ready),
                ]
                with m.If(o.ready & ends):
                    m.next = "LOAD"
                    with m.If(self._left == 0):
                        self._end(m)
            with m.State("FETCH"):
                self._fetch(m)
        return m

    def _move(self, m):
        """Move the registers on as the state says."""
        header = Cat(self._kind, self._sequence, self._session, self._value)
        with m.If(self._take):
            m.d.sync += header[: -len(self._value)].eq(header[8:])
        with m.If(self._take | self._step):
            taken = Cat(self._value[8:], self.i.payload)
            m.d.sync += self._value.eq(Mux(self._take, taken, self._value + 1))
        with m.If(self._drop):
            m.d.sync += self._left.eq(self._left - 1)

        done = self._refusal == 0
        counts = Cat(self.window.produced, self.intake.limit)
        answers = {
            Refusal.STRAY: self._open,
            Refusal.ORDER: self._next,
            Refusal.WRONG: self._why,
        }
        answer = Mux((done & (self._sends | self._fetches)) | self._is(Refusal.FULL), counts, 0)
        for refusal, value in answers.items():
            answer |= Mux(self._is(refusal), value, 0)
        with m.If(self._shift):
            m.d.sync += [
                self._word.eq(Cat(self._word[8:], self.i.payload)),
                self._index.eq(self._index + 1),
            ]
        with m.Elif(self._load | self._tell):
            m.d.sync += self._word.eq(Mux(self._load, self.bus.r_data, answer))

    def _take_header(self, m):
        m.d.comb += [self.i.ready.eq(1), self._take.eq(self.i.valid)]
        with m.If(self.i.valid):
            m.d.sync += self._index.eq(self._index + 1)
            with m.If(self._index == HEADER.size - 1):
                m.next = "COMPARE"

    def _compare(self, m):
        """Return, a cycle late: is it a session, is it open, is it its turn, is there room."""
        compared = Signal(4)
        m.d.sync += compared.eq(
            Cat(
                self._session != 0,
                self._session == self._open,
                self._sequence == self._next,
                self._left <= self.intake.room,
            )
        )
        return compared

    def _judge(self, m, some, known, turn, fits):
        left, following = self._left, self._sequence + 1
        m.d.sync += self._refusal.eq(0)
        m.next = "ANSWER"
        with m.If((self._kind == Kind.OPEN) & some):
            with m.If(left != 0):
                self._refuse(m, Wrong.LENGTH)
            with m.Elif(~known):
                m.d.sync += [
                    self.opened.eq(1),
                    self._open.eq(self._session),
                    self._next.eq(following),
                ]
        with m.Elif(~(known & some)):
            m.d.sync += self._refusal.eq(Refusal.STRAY & _REFUSAL)
        with m.Elif(~turn):
            m.d.sync += self._refusal.eq(Refusal.ORDER & _REFUSAL)
        with m.Elif(self._sends & (left != 0) & ~fits):
            m.d.sync += self._refusal.eq(Refusal.FULL & _REFUSAL)
        with m.Else():
            m.d.sync += self._next.eq(following)
            with m.If(self._sends & (left != 0)):
                m.next = "SEND"
            with m.Elif((self._kind == Kind.WRITE) & (left != 0) & (left[:2] == 0)):
                m.next = "WRITE"
            with m.Elif((self._reads | self._fetches) & (left == 1)):
                m.next = "COUNT"
            with m.Else():
                there_is = self._sends | self._reads | self._fetches | (self._kind == Kind.WRITE)
                self._refuse(m, Mux(there_is, Wrong.LENGTH, Wrong.KIND))

    def _take_count(self, m):
        count = self.i.payload
        m.d.comb += self.i.ready.eq(1)
        m.d.sync += self._left.eq(count)
        with m.If(self.i.valid):
            m.next = "ANSWER"
            with m.If(
                (count > Mux(self._reads, REGISTERS_MOST, DATA_MOST)) | (self._reads & (count == 0))
            ):
                self._refuse(m, Wrong.LENGTH)
            with m.Elif(self._fetches):
                m.d.comb += self.window.apply.eq(self.window.sound)
                with m.If(~self.window.sound):
                    self._refuse(m, Wrong.OFFSET)

    def _reply(self, m):
        o, index, done = self.o, self._index, self._refusal == 0
        kind = Mux(done, self._kind | DONE, self._refusal | _REFUSED)
        short = Cat(kind[:8], self._sequence, self._session).word_select(index[:2], 8)
        loads, fetches = done & self._reads, done & self._fetches & (self._left != 0)
        ends = index == HEADER.size - 1
        m.d.comb += [
            o.valid.eq(1),
            o.payload.data.eq(Mux(index[2], self._word[:8], short)),
            o.payload.last.eq(ends & ~loads & ~fetches),
            self._shift.eq(o.ready & index[2]),
        ]
        with m.If(o.ready):
            m.d.sync += index.eq(index + 1)
            with m.If(ends):
                with m.If(loads):
                    m.next = "LOAD"
                with m.Elif(fetches):
                    m.next = "FETCH"
                with m.Else():
                    self._end(m)

    def _fetch(self, m):
        o, data = self.o, self.window.data
        m.d.comb += [
            self.window.more.eq(1),
            o.valid.eq(data.valid),
            o.payload.data.eq(data.payload),
            o.payload.last.eq(self._left == 1),
            data.ready.eq(o.ready),
            self._step.eq(self.window.step),
            self._drop.eq(data.valid & o.ready),
        ]
        with m.If(data.valid & o.ready & (self._left == 1)):
            self._end(m)

    def _refuse(self, m, why):
        m.d.sync += [
            self._refusal.eq(Refusal.WRONG & _REFUSAL),
            self._why.eq(why),
            self.wrong.eq(self.wrong + 1),
        ]

    def _is(self, refusal):
        return self._refusal == refusal & _REFUSAL

    def _end(self, m):
        m.d.comb += self.done.eq(1)
        m.next = "LENGTH"

    @property
    def _reads(self):
        return self._kind == Kind.READ

    @property
    def _fetches(self):
        return self._kind == Kind.FETCH

    @property
    def _sends(self):
        return (self._kind == Kind.SEND) | (self._kind == Kind.SEND_LAST)
