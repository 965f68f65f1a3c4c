"""Ram: a block memory whose answer comes out of a register."""

from typing import Any

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .multiplier import has_dsp18
from .store import Store
from .streams import Write

# Widths that a block RAM of ECP5 has, and how many words there are of each.
_SHAPES = {18: 1024, 9: 2048, 4: 4096, 2: 8192, 1: 16384}

_WIDEST = max(_SHAPES)

# Up to here, memory made of lookup tables is faster and not much larger.
_SMALL = 32


class Ram(wiring.Component):
    """Memory with a port to write and a port to read, one access each every cycle.

    ``LATENCY`` cycles from an address to its content. Without the register behind it a block RAM is
    the slowest part of a design. On ECP5, where Yosys does not use the one inside, this is the
    primitive DP16KD with it; small memories, and those elsewhere, are a
    :class:`~tilefold_gateware.store.Store`.

    Writing and reading one address in one cycle reads anything. All words are 0 at first. No reset
    reaches them, nor what has been read.

    Parameters
    ----------
    width, depth : int
        Of a word, and how many.
    halves : bool
        A word is two halves, written one at a time; the lowest bit of ``write.address`` says which.
        On ECP5 two halves of up to 9 bits share a block.

    Members
    -------
    write : In(Write)
    address : In(range(depth))
    enable : In(1)
        The two registers between ``address`` and ``data`` move on. They always do if nobody says.
    data : Out(width)
        Content of the ``address`` two cycles before.

    Source
    ------
    Lattice, ECP5 and ECP5-5G Memory Usage Guide (FPGA-TN-02204): pseudo dual-port RAM.
    """

    LATENCY = 2

    def __init__(self, width: int, depth: int, *, halves: bool = False):
        if halves and (width % 2 or width > _WIDEST):
            raise ValueError(f"width of two halves must be even and at most {_WIDEST}, not {width}")
        self.width = width
        self.depth = depth
        self.halves = halves
        address_width = (depth - 1).bit_length()
        super().__init__(
            {
                "write": In(Write(address_width + halves, width >> halves)),
                "address": In(address_width),
                "enable": In(1, init=1),
                "data": Out(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if has_dsp18(platform) and self.depth > _SMALL:
            self._primitives(m)
        else:
            self._inferred(m)
        return m

    def _inferred(self, m):
        m.submodules.store = store = Store(self.width, self.depth, parts=1 + self.halves)
        half, address = self._place()
        data = Signal(self.width, reset_less=True)
        m.d.comb += [
            store.w_enable.eq(half & self.write.stb.replicate(1 + self.halves)),
            store.w_address.eq(address),
            store.w_data.eq(self.write.data.replicate(1 + self.halves)),
            store.address.eq(self.address),
            store.enable.eq(self.enable),
            self.data.eq(data),
        ]
        with m.If(self.enable):
            m.d.sync += data.eq(store.data)

    def _place(self):
        """Return which halves are written, and the address of their word."""
        if not self.halves:
            return Const(1, 1), self.write.address
        return Cat(~self.write.address[0], self.write.address[0]), self.write.address[1:]

    def _primitives(self, m):
        columns, words = min(
            ((-(-self.width // width), words) for width, words in _SHAPES.items()),
            key=lambda blocks: (blocks[0] * -(-self.depth // blocks[1]), -blocks[1]),
        )
        width = next(width for width, depth in _SHAPES.items() if depth == words)
        half, address = self._place()
        w_data = self.write.data
        if self.halves:
            # Each half of a block's 18 bits has its own enable.
            columns, words, width = 1, _SHAPES[18], 18
            w_data = Cat(w_data, Const(0, 9 - len(w_data))).replicate(2)
        place = (words - 1).bit_length()
        rows = -(-self.depth // words)
        contents = []
        for row in range(rows):
            content = Signal(columns * width, name=f"content_{row}")
            enable = self.write.stb & (address[place:] == row)
            for column in range(columns):
                bits = slice(column * width, (column + 1) * width)
                m.submodules[f"block_{row}_{column}"] = _dp16kd(
                    width,
                    enable,
                    half.replicate(2)[:2],
                    address[:place],
                    w_data[bits],
                    self.enable,
                    self.address[:place],
                    content[bits],
                )
            contents.append(content)
        row = self.address[place:]
        for _ in range(self.LATENCY if rows > 1 else 0):
            row, before = Signal.like(row, name="row", reset_less=True), row
            with m.If(self.enable):
                m.d.sync += row.eq(before)
        chosen = contents[0]
        for number, content in enumerate(contents[1:], 1):
            chosen = Mux(row == number, content, chosen)
        if self.halves:
            chosen = Cat(chosen[: self.width // 2], chosen[9 : 9 + self.width // 2])
        m.d.comb += self.data.eq(chosen)


def _dp16kd(width, w_enable, w_halves, w_address, w_data, r_enable, r_address, r_data):
    """DP16KD that writes through port A and reads through port B, from its output register."""
    # The address of a bit: wider words leave its lowest bits out, and 18 bits have two enables.
    unused = {18: Cat(w_halves, Const(0, 2)), 9: Const(0, 3), 4: Const(0, 2), 2: Const(0, 1)}.get(
        width
    )
    ports: dict[str, Any] = {}
    for port, address in (("A", w_address), ("B", r_address)):
        bits = Cat(unused, address) if unused is not None else address
        ports |= {f"i_AD{port}{k}": bits[k] if k < len(bits) else 0 for k in range(14)}
        ports |= {f"i_RST{port}": 0, f"i_CLK{port}": ClockSignal("sync")}
        ports |= {f"i_CS{port}{k}": 0 for k in range(3)}
        ports |= {f"p_DATA_WIDTH_{port}": width, f"p_CSDECODE_{port}": "0b000"}
        ports |= {f"p_CLK{port}MUX": f"CLK{port}", f"p_WRITEMODE_{port}": "NORMAL"}
    ports |= {f"i_DIA{k}": w_data[k] if k < len(w_data) else 0 for k in range(18)}
    ports |= {f"i_DIB{k}": 0 for k in range(18)}
    ports |= {f"o_DOB{k}": r_data[k] for k in range(width)}
    return Instance(
        "DP16KD",
        i_CEA=w_enable,
        i_WEA=w_enable,
        i_CEB=r_enable,
        i_OCEA=1,
        i_OCEB=r_enable,
        i_WEB=0,
        p_REGMODE_A="NOREG",
        p_REGMODE_B="OUTREG",
        p_RESETMODE="SYNC",
        p_GSR="AUTO",
        **ports,
    )
