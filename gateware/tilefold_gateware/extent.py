"""Extent: the size of the map that comes, and what follows from it."""

from amaranth.hdl import Cat, Const, Module, Mux, ShapeLike, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw.raster import HEIGHT_WIDTH, MARGIN, RasterConfig, turn_lead

# Cycles until the counters have seen another size.
_SEEN = 3


def size(config: RasterConfig) -> data.StructLayout:
    """Layout of what a map says of itself.

    ``bank``: that of the settings that it runs on. ``seven``, that its tiles have 7 points, is
    there only if layers may choose.
    """
    return data.StructLayout(
        {
            "width": range(config.row_samples + 1),
            "height": HEIGHT_WIDTH,
            "channels": range(config.channels + 1),
            "bank": 1,
            **({"seven": 1} if config.codec.sevens else {}),
        }
    )


def geometry(config: RasterConfig) -> data.StructLayout:
    """Layout of what the boxes need to know.

    ``across``: items of a row of a channel. ``rest``: the lane of its last pixel. ``side``: items
    of a tile's side. ``line``: items of a row of a tile, all channels. ``chunk``, ``tiles``:
    see :class:`~tilefold_gateware.strip.Strip`; ``last``, ``lead``, ``room``: the address of
    its last chunk, the level past which it may be read, and that up to which it is filled.
    ``turn``: the level past which a :class:`~tilefold_gateware.turn.Turner` may be read.
    """
    items = range(config.depth + 1)
    return data.StructLayout(
        {
            "size": size(config),
            "across": range(config.row + 1),
            "rest": range(config.codec.lanes),
            "side": range(config.across + 1),
            "line": range(config.across * config.channels + 1),
            "chunk": range(config.chunk + 1),
            "tiles": range(config.row_samples // min(config.codec.tiles) + 1),
            "room": items,
            "turn": range(turn_lead(config.across, config.channels) + 1),
            "last": items,
            "lead": items,
        }
    )


class Extent(wiring.Component):
    """Hold back a map of another size until those before it have left.

    The sizes are taken with the first item of a map. If they are those of the map before, and its
    bank as well, it moves on at once; if not, it waits for that to have left, and then
    :func:`tilefold_hw.latency.extent` cycles.

    Latency 1; one item a cycle.

    Parameters
    ----------
    config : RasterConfig
    shape : ShapeLike
        Payload.

    Members
    -------
    i : In(stream of shape)
    o : Out(stream of shape)
    size : In(size(config))
        Size of the map whose first item is transferred at ``i`` in this cycle.
    open : In(1)
        A map may begin.
    begin : Out(1)
        A map's first item is transferred at ``i`` in this cycle.
    ended : In(1)
        The item at ``o`` is the last of its map.
    left : In(1)
        The last item of a map has left all that the geometry is for.
    geometry : Out(geometry(config))
        Of the maps inside.
    restart : Out(1)
        It has changed, and nothing is inside.
    """

    # Maps of few items that the memory of a row of tiles and the queues between the boxes hold.
    _MAPS = 8

    def __init__(self, config: RasterConfig, shape: ShapeLike):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(shape)),
                "size": In(size(config)),
                "open": In(1, init=1),
                "begin": Out(1),
                "ended": In(1),
                "left": In(1),
                "geometry": Out(geometry(config)),
                "restart": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        valid, first, same, moves = Signal(), Signal(init=1), Signal(), Signal()
        item, wanted = Signal.like(self.i.payload), Signal(size(self.config))
        go = ~first | same
        leaves = self.o.valid & self.o.ready
        # What comes is the first of a map if the one in front of it is the last.
        begins = Mux(valid, self.ended, first)
        m.d.comb += [
            moves.eq(~valid | leaves),
            self.i.ready.eq(moves & (self.open | ~begins)),
            self.begin.eq(self.i.valid & self.i.ready & begins),
            self.o.valid.eq(valid & go),
            self.o.payload.eq(item),
        ]
        with m.If(moves):
            m.d.sync += [
                valid.eq(self.i.valid & self.i.ready),
                item.eq(self.i.payload),
                wanted.eq(self.size),
                same.eq(self.size.as_value() == self.geometry.size.as_value()),
            ]
        with m.If(leaves):
            m.d.sync += first.eq(self.ended)

        inside, empty = Signal(range(self._MAPS + self._turned())), Signal()
        enters = leaves & first
        with m.If(enters ^ self.left):
            m.d.sync += inside.eq(inside + Cat(1, self.left.replicate(len(inside) - 1)))
        m.d.comb += empty.eq(inside == 0)

        self._find(m, wanted, valid & first & ~same & empty, same)
        return m

    def _turned(self):
        """Most maps in the memory of a :class:`~tilefold_gateware.turn.Turner`."""
        config = self.config
        return config.ring * config.codec.lanes // config.codec.pixels_least if config.turns else 0

    def _find(self, m, wanted, change, same):
        """Find another geometry, by sums alone: a row of tiles is gone through once."""
        config, now = self.config, self.geometry
        tile, lanes = config.codec.tile, config.codec.lanes
        sevens = config.codec.sevens
        seven = now.size.seven if sevens else Const(tile == 7, 1)
        side = config.across - seven if sevens else config.across
        step = tile - seven if sevens else tile

        def times(value):
            # As many as a tile's side: a power of two, or one less.
            eight = value << (tile - 1).bit_length()
            return eight - Mux(seven, value, 0)

        reached = Signal(range(config.row_samples + tile + 1))
        span, group, slack, settle = (
            Signal.like(now.room),
            Signal.like(now.room),
            Signal.like(now.room),
            Signal(range(_SEEN)),
        )
        before = now.size.width - 1
        m.d.comb += now.chunk.eq(now.side if config.planar else now.line)
        with m.FSM():
            with m.State("Keep"):
                with m.If(change):
                    m.d.sync += now.size.eq(wanted)
                    m.next = "Scale"
            with m.State("Scale"):
                m.d.sync += [
                    now.side.eq(side),
                    now.line.eq(times(now.size.channels) >> (lanes.bit_length() - 1)),
                    now.across.eq((before >> (lanes.bit_length() - 1)) + 1),
                    now.rest.eq(before[: lanes.bit_length() - 1]),
                ]
                m.next = "Clear"
            with m.State("Clear"):
                m.d.sync += [
                    group.eq(times(now.line)),
                    span.eq(0),
                    reached.eq(0),
                    now.room.eq(0),
                    now.tiles.eq(0),
                    now.turn.eq(now.line - (now.side + now.size.channels - 2)),
                ]
                m.next = "Add"
            with m.State("Add"):
                with m.If(reached < now.size.width):
                    m.d.sync += [
                        span.eq(span + now.chunk),
                        reached.eq(reached + step),
                        now.room.eq(now.room + group),
                        now.tiles.eq(now.tiles + 1),
                    ]
                with m.Else():
                    m.d.sync += [
                        now.last.eq(now.room - now.chunk),
                        now.lead.eq(now.room - span),
                        slack.eq(group - now.chunk - MARGIN),
                    ]
                    m.next = "Lead"
            with m.State("Lead"):
                m.d.sync += [now.lead.eq(now.lead - slack), now.room.eq(now.room - 1)]
                m.d.comb += self.restart.eq(1)
                m.next = "Settle"
            with m.State("Settle"):
                m.d.sync += settle.eq(settle + 1)
                with m.If(settle == _SEEN - 1):
                    m.d.sync += [settle.eq(0), same.eq(1)]
                    m.next = "Keep"
