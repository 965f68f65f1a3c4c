"""The resident tables: for every coefficient of a packet, its width and shift."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, flipped

from tilefold_hw.config import CodecConfig
from tilefold_hw.regs import encoder_map, shift_width

from .pipeline import delay
from .ram import Ram
from .streams import Write, each, laned


def table_members(config: CodecConfig) -> dict[str, wiring.Member]:
    """Ports by which a box's tables are filled and walked.

    ``index`` and ``table`` are write ports whose address has the bank on top; ``channels`` is the
    number of stored channels of the packet that the walk is in, ``seven`` whether its tiles have 7
    points, where layers may choose.
    """
    regs = encoder_map(config)
    members = {
        name: In(Write(1 + regs.memory(name).address_width, regs.memory(name).width))
        for name in ("index", "table")
    }
    members["channels"] = In(range(config.channels + 1))
    if config.sevens:
        members["seven"] = In(1)
    return members


def width_shape(config: CodecConfig) -> range:
    """Shape of the width of a field."""
    return range(config.field.width + 1)


class Tables(wiring.Component):
    """Walk the coefficients of tiles and look up their table entries.

    Every ``step`` goes on by an item, ``lanes`` coefficients: in scan order through a tile, channel
    by channel through a tile group, and then again. Two memories answer in a row: the index says
    which table the channel reads, the table holds the entries. It has a memory for each lane.

    Latency ``LATENCY`` from ``step`` to ``entry``; a step every cycle.

    Parameters
    ----------
    config : CodecConfig

    Members
    -------
    step : In(1)
        Go on to the next item in this cycle.
    bank : In(1)
        Bank of the item of this step.
    tile_end, group_end : Out(1)
        This step, if it is taken, ends a tile, or a tile group.
    entry : Out(laned(layout: width, shift))
        Entries of the step ``LATENCY`` cycles before.
    channels, seven, index, table
        See :func:`table_members`. The first two are looked at with every step, for those after it.
    """

    LATENCY = 2 * Ram.LATENCY

    def __init__(self, config: CodecConfig):
        self.config = config
        entry = data.StructLayout(
            {"width": width_shape(config), "shift": unsigned(shift_width(config))}
        )
        super().__init__(
            {
                "step": In(1),
                "bank": In(1),
                "tile_end": Out(1),
                "group_end": Out(1),
                "entry": Out(laned(entry, config.lanes)),
                **table_members(config),
            }
        )

    def fill_from(self, m: Module, box: wiring.Component) -> None:
        """Connect the ports of :func:`table_members` to those of the box around."""
        wiring.connect(m, flipped(box.index), self.index)
        wiring.connect(m, flipped(box.table), self.table)
        m.d.comb += self.channels.eq(box.channels)
        if self.config.sevens:
            m.d.comb += self.seven.eq(box.seven)

    def elaborate(self, platform):
        m = Module()
        config = self.config
        lanes, items = config.lanes, config.pixels // config.lanes

        # Whether a tile is the last of its group is found out while it is walked: a tile has enough
        # steps for that.
        place = Signal(range(items))
        channel = Signal(range(config.channels))
        channels = Signal.like(self.channels)
        last_place, last_channel = Signal(), Signal()
        following = Signal.like(channels)
        m.d.sync += [following.eq(channel + 1), last_channel.eq(following == channels)]
        m.d.comb += [
            self.tile_end.eq(last_place),
            self.group_end.eq(last_place & last_channel),
        ]
        nearly = items - 2
        if config.sevens:
            seven = Signal()
            nearly = Mux(seven, config.pixels_least - 2, nearly)
            with m.If(self.step):
                m.d.sync += seven.eq(self.seven)
        with m.If(self.step):
            m.d.sync += [
                place.eq(Mux(last_place, 0, place + 1)),
                last_place.eq(place == nearly),
                channels.eq(self.channels),
            ]
            with m.If(last_place):
                m.d.sync += channel.eq(Mux(last_channel, 0, following))

        # cycles 1 and 2: the index answers; cycles 3 and 4: the table.
        m.submodules.index_memory = index = Ram(len(self.index.data), 1 << len(self.index.address))
        wiring.connect(m, flipped(self.index), index.write)
        m.d.comb += index.address.eq(
            Cat(channel, self.bank) if config.channels > 1 else Cat(0, self.bank)
        )
        waits = delay(m, Cat(place, self.bank), Ram.LATENCY)
        address = Cat(waits[:-1], index.data)

        # The place of an address is on its lowest bits, and the lane on the lowest of those.
        below = (lanes - 1).bit_length()
        for lane, entry in enumerate(each(self.entry, lanes)):
            width, shift = entry.width, entry.shift
            table = Ram(len(width) + len(shift), 1 << len(self.table.address) - below)
            m.submodules[f"table_memory_{lane}"] = table
            m.d.comb += [
                table.write.stb.eq(self.table.stb & (self.table.address[:below] == lane)),
                table.write.address.eq(self.table.address[below:]),
                table.write.data.eq(Cat(self.table.data[: len(width)], self.table.data[5:])),
                table.address.eq(Cat(address[: len(table.address) - 1], waits[-1])),
                Cat(width, shift).eq(table.data),
            ]
        return m
