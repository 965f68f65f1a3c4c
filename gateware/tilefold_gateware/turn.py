"""Turner: a row of a tile comes in channel by channel and leaves pixel by pixel, or back."""

from amaranth.hdl import Cat, Module, Shape, ShapeLike, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw.raster import RasterConfig

from .extent import geometry
from .lap import OpenLap
from .outlet import Outlet
from .pipeline import delay
from .ram import Ram
from .streams import framed


class Turner(wiring.Component):
    """Transpose small matrices of any two dimensions, one after the other in a ring of memory.

    A :class:`~tilefold_gateware.transpose.Transposer` would need less memory, and pause between
    matrices of a few items: a map of one channel has such.

    Latency :func:`tilefold_hw.latency.turn`; one item a cycle and no bubble between matrices.

    Parameters
    ----------
    config : RasterConfig
    shape : ShapeLike
        What an item carries.
    back : bool
        Pixel by pixel comes in.

    Members
    -------
    i : In(stream of framed(shape))
        ``last`` only where a matrix ends.
    o : Out(stream of framed(shape))
    geometry : In(geometry(config))
        It must stand two cycles before the first item of a matrix, and while items are inside.
    """

    def __init__(self, config: RasterConfig, shape: ShapeLike, *, back: bool = False):
        self.config = config
        self.shape = shape
        self.back = back
        super().__init__(
            {
                "i": In(stream.Signature(framed(shape))),
                "o": Out(stream.Signature(framed(shape))),
                "geometry": In(geometry(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, now = self.config, self.geometry
        most = config.across * config.channels
        bits = (config.ring - 1).bit_length()
        width = Shape.cast(framed(self.shape)).width
        m.submodules.memory = store = Ram(width, 1 << bits)
        m.submodules.outlet = outlet = Outlet(framed(self.shape), latency=Ram.LATENCY)
        wiring.connect(m, outlet.o, wiring.flipped(self.o))

        def lap(name, most, length, step):
            m.submodules[name] = it = OpenLap(most)
            m.d.comb += [it.lengths.bank_0.eq(length), it.step.eq(step)]
            return it.last

        # Writing: a matrix that is being read keeps all its places.
        level, room = Signal(range((1 << bits) + 1)), Signal()
        write, w_address = Signal(), Signal(bits)
        m.d.comb += [
            write.eq(self.i.valid & room),
            self.i.ready.eq(room),
            store.write.stb.eq(write),
            store.write.address.eq(w_address),
            store.write.data.eq(self.i.payload),
        ]
        m.d.sync += room.eq(level < (1 << bits) - most - 2)
        with m.If(write):
            m.d.sync += w_address.eq(w_address + 1)

        # Reading: down the columns, one after the other, as soon as no item can be overtaken.
        read, deep, ended = Signal(), Signal(), Signal()
        channel, pixel = (config.channels, now.size.channels), (config.across, now.side)
        rows, columns = (pixel, channel) if self.back else (channel, pixel)
        w_end = lap("written", most, now.line, write)
        r_end_row = lap("row", *rows, read)
        r_end = r_end_row & lap("column", *columns, read & r_end_row)
        address, top, following = Signal(bits), Signal(bits), Signal(bits)
        with m.If(~r_end_row):
            m.d.comb += following.eq(address + columns[1])
        with m.Elif(r_end):
            m.d.comb += following.eq(address + 1)
        with m.Else():
            m.d.comb += following.eq(top + 1)
        with m.If(read):
            m.d.sync += address.eq(following)
        with m.If(read & r_end_row):
            m.d.sync += top.eq(following)

        # Whole matrices inside.
        whole = Signal(range((1 << bits) + 1))
        m.d.sync += [deep.eq(level > now.turn), ended.eq(write & w_end)]
        leaves = read & r_end
        for count, up, down in ((level, write, read), (whole, ended, leaves)):
            with m.If(up ^ down):
                m.d.sync += count.eq(count + Cat(1, down.replicate(len(count) - 1)))
        m.d.comb += [
            read.eq(outlet.ready & (deep | (whole != 0))),
            outlet.take.eq(read),
            store.address.eq(address),
            outlet.push.eq(delay(m, read, Ram.LATENCY)),
            Value.cast(outlet.payload).eq(store.data),
        ]
        return m
