"""The resident tables: for every coefficient of a packet, its width and shift."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out, flipped

from tilefold_hw.config import CodecConfig
from tilefold_hw.regs import encoder_map, shift_width, table_stride

from .streams import Write


def table_members(config: CodecConfig) -> dict[str, wiring.Member]:
    """Ports by which a box's tables are filled and walked.

    ``index`` and ``table`` are write ports whose address has the bank on top; ``channels`` is the
    number of stored channels of the packet that the walk is in.
    """
    regs = encoder_map(config)
    members = {
        name: In(Write(1 + regs.memory(name).address_width, regs.memory(name).width))
        for name in ("index", "table")
    }
    return {**members, "channels": In(range(config.channels + 1))}


class Tables(wiring.Component):
    """Walk the coefficients of tiles and look up their table entries.

    Every ``step`` goes on to the next coefficient: in scan order through a tile, channel by
    channel through a tile group, and then again. Two memories answer in a row: the index says
    which table the channel reads, the table holds the entries.

    Latency ``LATENCY`` from ``step`` to ``entry``; a step every cycle.

    Parameters
    ----------
    config : CodecConfig

    Members
    -------
    step : In(1)
        Go on to the next coefficient in this cycle.
    bank : In(1)
        Bank of the coefficient of this step.
    tile_end, group_end : Out(1)
        This step, if it is taken, ends a tile, or a tile group.
    entry : Out(layout: width, shift)
        Entry of the step ``LATENCY`` cycles before.
    channels, index, table
        See :func:`table_members`.
    """

    LATENCY = 3

    def __init__(self, config: CodecConfig):
        self.config = config
        super().__init__(
            {
                "step": In(1),
                "bank": In(1),
                "tile_end": Out(1),
                "group_end": Out(1),
                "entry": Out(
                    data.StructLayout({"width": 5, "shift": unsigned(shift_width(config))})
                ),
                **table_members(config),
            }
        )

    def fill_from(self, m: Module, box: wiring.Component) -> None:
        """Connect the ports of :func:`table_members` to those of the box around."""
        wiring.connect(m, flipped(box.index), self.index)
        wiring.connect(m, flipped(box.table), self.table)
        m.d.comb += self.channels.eq(box.channels)

    def elaborate(self, platform):
        m = Module()
        config = self.config

        def resident(name, port):
            """Memory of both banks, filled through *port*; return its read port."""
            width, depth = len(port.data), 1 << len(port.address)
            m.submodules[name] = store = memory.Memory(shape=width, depth=depth, init=[])
            w_port = store.write_port()
            m.d.comb += [
                w_port.addr.eq(port.address),
                w_port.data.eq(port.data),
                w_port.en.eq(port.stb),
            ]
            return store.read_port()

        index = resident("index_memory", self.index)
        table = resident("table_memory", self.table)

        place = Signal(range(config.pixels))
        channel = Signal(range(config.channels))
        m.d.comb += [
            self.tile_end.eq(place == config.pixels - 1),
            self.group_end.eq(self.tile_end & (channel + 1 == self.channels)),
        ]
        with m.If(self.step):
            m.d.sync += place.eq(Mux(self.tile_end, 0, place + 1))
            with m.If(self.tile_end):
                m.d.sync += channel.eq(Mux(self.group_end, 0, channel + 1))

        # cycle 1: the index answers; cycle 2: the table; cycle 3: its output register.
        looked_up = Signal(range(table_stride(config)))
        bank = Signal()
        m.d.sync += [looked_up.eq(place), bank.eq(self.bank), self.entry.eq(table.data)]
        address = Cat(looked_up, index.data)
        m.d.comb += [
            index.addr.eq(Cat(channel, self.bank) if config.channels > 1 else Cat(0, self.bank)),
            table.addr.eq(Cat(address[: len(table.addr) - 1], bank)),
        ]
        return m
