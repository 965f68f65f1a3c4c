"""Scan: where in a map an item lies, counted row by row."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw.raster import HEIGHT_WIDTH, RasterConfig

from .extent import geometry
from .lap import OpenLap


class Scan(wiring.Component):
    """Go through a map that is padded to whole tiles, in raster order.

    Parameters
    ----------
    config : RasterConfig

    Members
    -------
    geometry : In(geometry(config))
        It must stand two cycles before the first item of a map.
    step : In(1)
        An item passes in this cycle.

    All others are about the item that passes, or comes next:

    padding : Out(1)
        It is past the right edge, or below the bottom.
    beyond : Out(1)
        It is past the right edge.
    edge : Out(1)
        It is the last before the right edge.
    channel_end : Out(1)
        It is of the last channel.
    row_end, strip_end, map_end : Out(1)
        It is the last of a row, of a row of tiles, of the map; all padded.
    strip_kept, map_kept : Out(1)
        It is the last of a row of tiles or of the map that is no padding.
    x_end : Out(1)
        It is the last of a channel's padded row.
    """

    def __init__(self, config: RasterConfig):
        self.config = config
        flags = (
            "padding",
            "beyond",
            "edge",
            "channel_end",
            "x_end",
            "row_end",
            "strip_end",
            "map_end",
            "strip_kept",
            "map_kept",
        )
        super().__init__(
            {
                "geometry": In(geometry(config)),
                "step": In(1),
                **{flag: Out(1) for flag in flags},
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, now = self.config, self.geometry
        pixel, row = Signal(), Signal()
        beyond, below = Signal(), Signal()
        row_of_tile = config.codec.tile - (now.size.seven if config.codec.sevens else 0)

        def lap(name, most, length, step):
            m.submodules[name] = it = OpenLap(most)
            m.d.comb += [it.lengths.bank_0.eq(length), it.step.eq(step)]
            return it.last

        c_step = self.step & self.x_end if config.planar else self.step
        c_last = lap("c", config.channels, now.size.channels, c_step)
        dx_last = lap("dx", config.across, now.side, pixel)
        x_last = lap("x", config.row, now.across, pixel & ~beyond)
        dy_last = lap("dy", config.codec.tile, row_of_tile, row)
        y_last = lap("y", (1 << HEIGHT_WIDTH) - 1, now.size.height, row & ~below)

        kept = ~beyond & ~below & c_last & x_last
        m.d.comb += [
            pixel.eq(self.step if config.planar else self.step & c_last),
            row.eq(self.step & self.row_end),
            self.padding.eq(beyond | below),
            self.beyond.eq(beyond),
            self.edge.eq(x_last & ~beyond),
            self.channel_end.eq(c_last),
            self.x_end.eq(dx_last & (beyond | x_last)),
            self.row_end.eq(c_last & self.x_end),
            self.strip_end.eq(self.row_end & dy_last),
            self.map_end.eq(self.strip_end & (below | y_last)),
            self.strip_kept.eq(kept & (dy_last | y_last)),
            self.map_kept.eq(kept & y_last),
        ]
        with m.If(pixel):
            m.d.sync += beyond.eq((beyond | x_last) & ~dx_last)
        with m.If(row):
            m.d.sync += below.eq((below | y_last) & ~dy_last)
        return m
