"""Raster, Unraster: maps by rows to tile groups, and back."""

from amaranth.hdl import Module, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from tilefold_hw.raster import RasterConfig

from .arith import shape
from .edge import Cropper, Padder
from .extent import Extent, size
from .streams import banks, framed, laned
from .strip import Strip
from .transpose import Transposer


class _Sized(wiring.Component):
    """Front of a codec, with the size of a map as ports."""

    def __init__(self, config: RasterConfig, i, o):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(i)),
                "o": Out(stream.Signature(o)),
                **{name: In(field.shape) for name, field in size(config)},
            }
        )

    def _extent(self, m, *boxes):
        """Add what finds the geometry, and give it to *boxes*."""
        m.submodules.extent = extent = Extent(self.config, self.i.payload.shape())
        connect(m, flipped(self.i), extent.i)
        for name, _ in size(self.config):
            m.d.comb += extent.size[name].eq(getattr(self, name))
        for box in boxes:
            m.d.comb += box.geometry.eq(extent.geometry)
        return extent

    def _turn(self, m, extent, shape, *, back=False):
        """Return what goes from a row of a tile by channels to one by pixels; nothing if neither."""
        config = self.config
        if not config.planar or config.across == 1:
            return None
        rows, columns = config.channels, config.across
        if back:
            rows, columns = columns, rows
        sevens = config.codec.sevens
        turn = Transposer(
            shape, rows, columns, vary="columns" if back else "rows", less=int(sevens)
        )
        m.submodules.turn = turn
        for bank in range(2):
            m.d.comb += banks(turn.counts)[bank].eq(extent.geometry.size.channels)
            if sevens:
                m.d.comb += banks(turn.smaller)[bank].eq(extent.geometry.size.seven)
        return turn


class Raster(_Sized):
    """Cut maps that come by rows into the tile groups that an encoder takes.

    ``extent ─► pad ─► strip ─► [turn]``

    A map comes row by row. A row is pixel-major (all channels of a pixel, then those of the next) or
    row-planar (a row of a channel, then that of the next): :attr:`RasterConfig.order`. Several lanes
    carry neighbouring pixels of one channel; those past the end of a row may hold anything. Maps
    whose sides are no multiple of a tile's are padded by repeating their last column and row.

    The ports that tell a map's size are looked at in the cycle in which its first sample is
    transferred. A map of the same size as the one before follows at once; one of another size waits
    until that has left, and :func:`tilefold_hw.latency.extent` cycles.

    Latency :func:`tilefold_hw.latency.raster`; one item a cycle, and one for each of padding, in
    which none is taken. One row of tiles is kept, and a row of pixels. Golden model:
    :func:`tilefold.model.raster.raster`.

    Parameters
    ----------
    config : RasterConfig

    Members
    -------
    i : In(stream of laned(config.codec.sample))
        Samples of a map, row by row.
    o : Out(stream of laned(config.codec.sample))
        What an encoder takes.
    width, height, channels : In
        Size of the map, in pixels; at least 1. A padded row has at most ``row_samples`` samples.
    seven : In(1)
        Its tiles have 7 points. Only if layers may choose.
    """

    def __init__(self, config: RasterConfig):
        item = laned(shape(config.codec.sample), config.codec.lanes)
        super().__init__(config, item, item)

    def elaborate(self, platform):
        m = Module()
        config = self.config
        sample = shape(config.codec.sample)
        item = laned(sample, config.codec.lanes)
        m.submodules.pad = pad = Padder(config, sample)
        m.submodules.strip = strip = Strip(config, item)
        extent = self._extent(m, pad, strip)
        connect(m, extent.o, pad.i)
        connect(m, pad.o, strip.i)
        end = strip.o
        if (turn := self._turn(m, extent, item)) is not None:
            _feed(m, strip.o, turn.i)
            end = turn.o
        m.d.comb += [
            strip.restart.eq(extent.restart),
            extent.ended.eq(pad.ended),
            extent.left.eq(end.valid & end.ready & end.payload.last),
            Value.cast(self.o.payload).eq(end.payload.data),
            self.o.valid.eq(end.valid),
            end.ready.eq(self.o.ready),
        ]
        return m


class Unraster(_Sized):
    """Join the tile groups that a decoder gives to maps by rows, without their padding.

    ``extent ─► [turn] ─► strip ─► crop``

    The inverse of :class:`Raster`. The ports that tell a map's size are looked at in the cycle in
    which a packet's first sample is transferred; a packet is a map, or some whole maps of a size.

    Latency :func:`tilefold_hw.latency.unraster`; one item a cycle comes in, and those of padding
    are dropped. Golden model: :func:`tilefold.model.raster.unraster`.

    Parameters
    ----------
    config : RasterConfig

    Members
    -------
    i : In(stream of framed(laned(config.codec.restored)))
        What a decoder gives.
    o : Out(stream of framed(laned(config.codec.restored)))
        Samples of a map, row by row; lanes past the end of a row hold padding. ``last`` on the last
        of a packet.
    width, height, channels, seven : In
        As in :class:`Raster`.
    """

    def __init__(self, config: RasterConfig):
        item = framed(laned(shape(config.codec.restored), config.codec.lanes))
        super().__init__(config, item, item)

    def elaborate(self, platform):
        m = Module()
        config = self.config
        item = laned(shape(config.codec.restored), config.codec.lanes)
        m.submodules.strip = strip = Strip(config, item, back=True)
        m.submodules.crop = crop = Cropper(config, item)
        extent = self._extent(m, strip, crop)
        turn = self._turn(m, extent, item, back=True)
        if turn is None:
            connect(m, extent.o, strip.i)
        else:
            _feed(m, extent.o, turn.i)
            _feed(m, turn.o, strip.i)
        connect(m, strip.o, crop.i)
        connect(m, crop.o, flipped(self.o))
        m.d.comb += [
            strip.restart.eq(extent.restart),
            extent.ended.eq(extent.o.payload.last),
            extent.left.eq(self.o.valid & self.o.ready & self.o.payload.last),
        ]
        return m


def _feed(m, upstream, downstream):
    """Connect streams that are framed, with a bank or without."""
    m.d.comb += [
        Value.cast(downstream.payload.data).eq(upstream.payload.data),
        downstream.payload.last.eq(upstream.payload.last),
        downstream.valid.eq(upstream.valid),
        upstream.ready.eq(downstream.ready),
    ]
