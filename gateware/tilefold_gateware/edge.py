"""Padder, Cropper: the edges of a map, repeated up to whole tiles, and cut off again."""

from amaranth.hdl import Module, Mux, Shape, ShapeLike, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw.raster import RasterConfig

from .extent import geometry
from .outlet import Outlet
from .pipeline import delay
from .ram import Ram
from .scan import Scan
from .streams import each, framed, laned


class Padder(wiring.Component):
    """Repeat a map's last column and last row until its tiles are whole.

    A row of memory keeps what is to be repeated. Padding costs a cycle an item, in which nothing is
    taken. Golden model: :func:`tilefold.model.tiles.cut`.

    Latency 4; one item a cycle.

    Parameters
    ----------
    config : RasterConfig
    shape : ShapeLike
        A sample.

    Members
    -------
    i : In(stream of laned(shape))
        Lanes past the right edge may hold anything.
    o : Out(stream of framed(laned(shape)))
        ``last`` on the last item of a map.
    geometry : In(geometry(config))
        It must stand two cycles before the first item of a map.
    ended : Out(1)
        The item at ``i`` is the last of its map.
    """

    def __init__(self, config: RasterConfig, shape: ShapeLike):
        self.config = config
        self.shape = shape
        item = laned(shape, config.codec.lanes)
        super().__init__(
            {
                "i": In(stream.Signature(item)),
                "o": Out(stream.Signature(framed(item))),
                "geometry": In(geometry(config)),
                "ended": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, lanes = self.config, self.config.codec.lanes
        item = laned(self.shape, lanes)
        m.submodules.scan = scan = Scan(config)
        m.submodules.row = row = Ram(Shape.cast(item).width, config.row)
        m.submodules.outlet = outlet = Outlet(framed(item), latency=Ram.LATENCY)
        wiring.connect(m, outlet.o, wiring.flipped(self.o))

        step = Signal()
        place, pixel, following = (Signal(range(config.row)) for _ in range(3))
        m.d.comb += [
            scan.geometry.eq(self.geometry),
            self.ended.eq(scan.map_kept),
            step.eq(outlet.ready & (scan.padding | self.i.valid)),
            self.i.ready.eq(outlet.ready & ~scan.padding),
            scan.step.eq(step),
            outlet.take.eq(step),
            following.eq(place + 1),
        ]

        # A row past its edge stays where it is, or goes through the channels of its last pixel.
        again = (scan.edge | scan.beyond) & ~scan.x_end
        with m.If(step):
            if config.planar:
                m.d.sync += place.eq(Mux(again, place, following))
            else:
                with m.If(scan.channel_end):
                    m.d.sync += place.eq(Mux(again, pixel, following))
                    with m.If(~again):
                        m.d.sync += pixel.eq(following)
                with m.Else():
                    m.d.sync += place.eq(following)
        with m.If(step & scan.row_end):
            m.d.sync += [place.eq(0), pixel.eq(0)]

        came = Signal(item)
        samples = each(self.i.payload, lanes)
        end = samples[0]
        for lane in range(1, lanes):
            end = Mux(self.geometry.rest == lane, samples[lane], end)
        for lane, (to, sample) in enumerate(zip(each(came, lanes), samples, strict=True)):
            past = scan.edge & (self.geometry.rest < lane) if lane else 0
            m.d.comb += Value.cast(to).eq(Mux(past, Value.cast(end), Value.cast(sample)))
        m.d.comb += [
            row.write.stb.eq(step & ~scan.padding),
            row.write.address.eq(place),
            row.write.data.eq(came),
            row.address.eq(place),
        ]

        # cycle 2: the memory has answered.
        flags = {"padding": scan.padding, "beyond": scan.beyond, "last": scan.map_end}
        at_end = {name: delay(m, flag, Ram.LATENCY) for name, flag in flags.items()}
        came_then = delay(m, Value.cast(came), Ram.LATENCY)
        m.d.comb += [
            outlet.push.eq(delay(m, step, Ram.LATENCY)),
            outlet.payload.last.eq(at_end["last"]),
        ]
        width = Shape.cast(self.shape).width
        edge = row.data[-width:]
        for lane, to in enumerate(each(outlet.payload.data, lanes)):
            part = slice(lane * width, (lane + 1) * width)
            kept = Mux(at_end["beyond"], edge, row.data[part])
            m.d.comb += Value.cast(to).eq(Mux(at_end["padding"], kept, came_then[part]))
        return m


class Cropper(wiring.Component):
    """Drop what is past the right edge of a map, and below its bottom.

    The last item of a row of tiles that is kept waits for those that are dropped behind it: only
    the last of them tells whether a packet ends there. Golden model:
    :func:`tilefold.model.tiles.join`.

    Latency 0; one item a cycle.

    Parameters
    ----------
    config : RasterConfig
    shape : ShapeLike
        What an item carries.

    Members
    -------
    i : In(stream of framed(shape))
        ``last`` on the last item of a packet, which ends a row of tiles.
    o : Out(stream of framed(shape))
        ``last`` on the last one of a packet that is kept.
    geometry : In(geometry(config))
        It must stand two cycles before the first item of a map.
    """

    def __init__(self, config: RasterConfig, shape: ShapeLike):
        self.config = config
        self.shape = shape
        super().__init__(
            {
                "i": In(stream.Signature(framed(shape))),
                "o": Out(stream.Signature(framed(shape))),
                "geometry": In(geometry(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.scan = scan = Scan(self.config)
        held = Signal(self.shape)
        waits = scan.strip_kept & ~scan.strip_end
        emits = scan.strip_end | ~(scan.padding | waits)
        m.d.comb += [
            scan.geometry.eq(self.geometry),
            scan.step.eq(self.i.valid & self.i.ready),
            self.i.ready.eq(self.o.ready | ~emits),
            self.o.valid.eq(self.i.valid & emits),
            Value.cast(self.o.payload.data).eq(
                Mux(scan.padding, Value.cast(held), Value.cast(self.i.payload.data))
            ),
            self.o.payload.last.eq(scan.strip_end & self.i.payload.last),
        ]
        with m.If(self.i.valid & waits):
            m.d.sync += held.eq(self.i.payload.data)
        return m
