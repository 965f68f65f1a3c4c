"""Raster, Unraster: maps by rows to tile groups, and back."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from amaranth.hdl import Module, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from tilefold_hw.raster import RasterConfig

from .arith import shape
from .edge import Cropper, Padder
from .extent import Extent, size
from .streams import framed, laned
from .strip import Strip
from .turn import Turner


class _Sized(wiring.Component):
    """Front of a codec, with the size of a map as ports."""

    def __init__(self, config: RasterConfig, i, o):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(i)),
                "o": Out(stream.Signature(o)),
                **{name: In(field.shape) for name, field in size(config)},
                "open": In(1, init=1),
                "begin": Out(1),
                "o_bank": Out(1),
            }
        )

    def run_on(self, m: Module, setting: Callable[[str], Value], channels: str) -> None:
        """Take the size of a map from the settings that *setting* tells by name.

        *channels* is what its channels are called there.
        """
        names = {"width": "width", "height": "height", "channels": channels}
        if self.config.codec.sevens:
            names["seven"] = "seven"
        m.d.comb += [getattr(self, mine).eq(setting(theirs)) for mine, theirs in names.items()]

    def _extent(self, m, stages):
        """Connect *stages* behind what finds the geometry, and tell it to them."""
        m.submodules.extent = extent = Extent(self.config, self.i.payload.shape())
        connect(m, flipped(self.i), extent.i)
        m.d.comb += [extent.size[name].eq(getattr(self, name)) for name, _ in size(self.config)]
        m.d.comb += [
            extent.open.eq(self.open),
            self.begin.eq(extent.begin),
            self.o_bank.eq(extent.geometry.size.bank),
        ]
        for upstream, stage in pairwise([extent, *stages]):
            connect(m, upstream.o, stage.i)
            m.d.comb += stage.geometry.eq(extent.geometry)
        return extent


class Raster(_Sized):
    """Cut maps that come by rows into the tile groups that an encoder takes.

    ``extent ─► pad ─► strip ─► [turn]``

    A map comes row by row, a row pixel-major (all channels of a pixel, then those of the next) or
    row-planar (a row of a channel, then that of the next): ``config.order``. Several lanes carry
    neighbouring pixels of one channel; those past the end of a row may hold anything. Maps whose
    sides are no multiple of a tile's are padded by repeating their last column and row.

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
    bank : In(1)
        Bank of the settings that it runs on.
    open : In(1)
        A map may begin.
    begin : Out(1)
        A map's first sample is transferred at ``i`` in this cycle.
    o_bank : Out(1)
        ``bank`` of the map at ``o``.
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
        stages: list[Any] = [pad, strip]
        if config.turns:
            m.submodules.turn = turn = Turner(config, item)
            stages.append(turn)
        extent = self._extent(m, stages)
        end = stages[-1].o
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
    width, height, channels, seven, bank, open, begin, o_bank
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
        stages: list[Any] = [strip, crop]
        if config.turns:
            m.submodules.turn = turn = Turner(config, item, back=True)
            stages.insert(0, turn)
        extent = self._extent(m, stages)
        connect(m, crop.o, flipped(self.o))
        m.d.comb += [
            strip.restart.eq(extent.restart),
            extent.ended.eq(extent.o.payload.last),
            extent.left.eq(self.o.valid & self.o.ready & self.o.payload.last),
        ]
        return m
