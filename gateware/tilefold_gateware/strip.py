"""Strip: a row of tiles comes in by rows of pixels and leaves by tiles, or back, in place."""

from amaranth.hdl import Cat, Const, Module, Mux, Shape, ShapeLike, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw.raster import RasterConfig

from .extent import geometry
from .lap import OpenLap
from .outlet import Outlet
from .pipeline import delay
from .ram import Ram
from .streams import framed


class Strip(wiring.Component):
    """Transpose matrices whose elements are chunks of neighbouring items, in place.

    A row of tiles is a matrix of chunks: what a row of pixels has in common with a tile. It has the
    pixel rows as its rows, and a column a tile; of several channels that come one after the other,
    each has its own rows. Going back, its rows are the tiles.

    The chunks lie as the items of a :class:`~tilefold_gateware.transpose.Transposer` do: if the
    distance between the places of two in a row is *step* while a matrix is written, it is
    ``columns · step`` when the matrix is read and the next one written, modulo the place of the
    last chunk. As *columns* has an inverse modulo ``rows · columns - 1``, each place is met once.
    The distance of the next matrix is the place where the second row of this one begins.

    An item may be read when ``(rows - 1) · (columns - 1)`` chunks more have come than have left: no
    other waits longer for its turn.

    Latency :func:`tilefold_hw.latency.strip`; one item a cycle and no bubble between matrices.

    Parameters
    ----------
    config : RasterConfig
    shape : ShapeLike
        What an item carries.
    back : bool
        Tiles come in.

    Members
    -------
    i : In(stream of framed(shape))
        ``last`` only where a matrix ends.
    o : Out(stream of framed(shape))
    geometry : In(geometry(config))
        It must stand two cycles before the first item of a matrix, and while items are inside.
    restart : In(1)
        The geometry has changed; nothing is inside.
    """

    # A memory of many blocks takes most of a cycle to choose between them: its answer waits.
    _FETCH = Ram.LATENCY + 1

    def __init__(self, config: RasterConfig, shape: ShapeLike, *, back: bool = False):
        self.config = config
        self.shape = shape
        self.back = back
        super().__init__(
            {
                "i": In(stream.Signature(framed(shape))),
                "o": Out(stream.Signature(framed(shape))),
                "geometry": In(geometry(config)),
                "restart": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, now = self.config, self.geometry
        m.submodules.memory = store = Ram(Shape.cast(self.shape).width, config.depth)
        m.submodules.outlet = outlet = Outlet(framed(self.shape), latency=self._FETCH)
        wiring.connect(m, outlet.o, wiring.flipped(self.o))

        level = Signal(range(config.depth + 1))
        next_stride, w_stride, r_stride = (
            self._stride(name) for name in ("next_stride", "w_stride", "r_stride")
        )
        step = Signal.like(next_stride.step)

        # Writing.
        write, room, w_last, w_ended = Signal(), Signal(), Signal(), Signal()
        w_address, w_base, w_turn, w_end = self._walk(m, "w", write, w_stride, next_stride)
        columns = self._columns()
        m.submodules.columns = row = OpenLap((1 << len(columns)) - 1)
        sought, second_row = Signal(init=1), Signal()
        m.d.comb += [
            write.eq(self.i.valid & room),
            self.i.ready.eq(room),
            store.write.stb.eq(write),
            store.write.address.eq(w_address),
            store.write.data.eq(self.i.payload.data),
            row.lengths.bank_0.eq(columns),
            row.step.eq(write & w_turn),
        ]
        m.d.sync += second_row.eq(0)
        with m.If(write & w_turn):
            m.d.sync += [
                second_row.eq(sought & row.last & ~w_end),
                sought.eq(w_end | (sought & ~row.last)),
            ]
        # Another geometry starts from the plain order.
        m.d.comb += step.eq(Mux(self.restart, now.chunk, w_base))
        with m.If(second_row | self.restart):
            m.d.sync += [next_stride.step.eq(step), next_stride.over.eq(now.last - step)]
        with m.If(write & w_end):
            m.d.sync += w_last.eq(self.i.payload.last)

        # A place freed in this cycle is written in the next one at the earliest: the two ports
        # never meet at one address. A cycle passes until a level decides.
        m.d.sync += room.eq(level < now.room)

        # Reading starts while the end of the matrix is still to come: no item can be overtaken.
        read, whole, deep = Signal(), Signal(), Signal()
        r_address, _, _, r_end = self._walk(m, "r", read, r_stride, next_stride)
        m.d.sync += [deep.eq(level > now.lead), w_ended.eq(write & w_end)]
        m.d.comb += [
            read.eq(outlet.ready & (whole | deep)),
            outlet.take.eq(read),
            store.address.eq(r_address),
        ]
        with m.If(write ^ read):
            m.d.sync += level.eq(level + Cat(1, read.replicate(len(level) - 1)))
        with m.If(w_ended):
            m.d.sync += whole.eq(1)
        with m.Elif(read & r_end):
            m.d.sync += whole.eq(0)
        m.d.comb += [
            outlet.push.eq(delay(m, read, self._FETCH)),
            outlet.payload.last.eq(delay(m, r_end & w_last, self._FETCH)),
            Value.cast(outlet.payload.data).eq(delay(m, store.data, 1, reset_less=True)),
        ]
        return m

    def _columns(self):
        """Chunks of a row that comes in."""
        now = self.geometry
        if not self.back:
            return now.tiles
        if self.config.planar:
            # A row of a tile is several items, a row of pixels one.
            return now.line << (self.config.codec.lanes.bit_length() - 1)
        return Const(self.config.codec.tile) - (now.size.seven if self.config.codec.sevens else 0)

    def _stride(self, name):
        """Register of the distance from a chunk to the next, and of what the last is over that."""
        place = range(self.config.depth)
        return Signal(data.StructLayout({"step": place, "over": place}), name=name)

    def _walk(self, m, name, advance, stride, next_stride):
        """Walk through the places of matrices.

        Return the address of an item, that of its chunk, and "the last of its chunk" and "of its
        matrix". A chunk is a step further than the one before, modulo the last one, which ends the
        matrix.
        """
        now = self.geometry
        m.submodules[f"{name}_chunk"] = chunk = OpenLap(self.config.chunk)
        address, base, end, young = (
            Signal.like(stride.step, name=f"{name}_address"),
            Signal.like(stride.step, name=f"{name}_base"),
            Signal(name=f"{name}_end"),
            Signal(init=1, name=f"{name}_young"),
        )
        # A step from the last but one is the last place itself, which is not wrapped to 0.
        nearly = base == stride.over
        straight, wrapped = (
            base + stride.step,
            Signal(signed(len(base) + 1), name=f"{name}_wrapped"),
        )
        following = Signal.like(base, name=f"{name}_following")
        m.d.comb += [
            wrapped.eq(base - stride.over),
            following.eq(Mux(wrapped[-1] | nearly, straight, wrapped)),
            chunk.lengths.bank_0.eq(now.chunk),
            chunk.step.eq(advance),
        ]
        with m.If(advance):
            m.d.sync += address.eq(Mux(chunk.last, following, address + 1))
        with m.If(advance & chunk.last):
            m.d.sync += [base.eq(following), end.eq(nearly), young.eq(end)]
        strip_end = chunk.last & end
        # Apart, for synthesis to make it the reset of the flip-flops.
        with m.If(advance & strip_end):
            m.d.sync += [address.eq(0), base.eq(0), end.eq(0)]
        with m.If(young | (advance & strip_end)):
            m.d.sync += stride.eq(next_stride)
        return address, base, chunk.last, strip_end
