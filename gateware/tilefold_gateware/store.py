"""Store: the plainest memory, whose answer comes a cycle later."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

# Of a block RAM of iCE40: bits of a word at 256 words; and, for words half, a quarter and an
# eighth as wide, the first pin that has a bit. All others follow at equal distances.
_WIDTH, _WORDS = 16, 256
_FIRST = (0, 0, 1, 3)


def has_sb_ram40(platform) -> bool:
    """Whether *platform* has SB_RAM40_4K, which Yosys surrounds with logic.

    With it, a word that is read while it is written gives its old content. Nobody wants to know.
    """
    return getattr(platform, "device", "").startswith("iCE40")


MACRO = "tilefold_memory"
"""Module that a memory is on an ASIC: see :data:`MACRO_VERILOG`."""

MACRO_VERILOG = """\
// Memory with a port to write and a port to read, which is a macro in a process that has some: let
// this module choose it by WIDTH and DEPTH. Writing and reading one address at once reads anything.
module tilefold_memory #(
  parameter WIDTH = 8,  // bits of a word
  parameter DEPTH = 64,
  parameter ADDRESS = 6,  // bits of an address
  parameter PARTS = 1  // equal parts of a word, each with an enable to write
) (
  input clk,
  input [PARTS-1:0] w_enable,
  input [ADDRESS-1:0] w_address,
  input [WIDTH-1:0] w_data,
  input r_enable,
  input [ADDRESS-1:0] r_address,
  output reg [WIDTH-1:0] r_data
);
  reg [WIDTH-1:0] words[0:DEPTH-1];
  localparam PART = WIDTH / PARTS;
  integer k;
  always @(posedge clk) begin
    for (k = 0; k < PARTS; k = k + 1)
      if (w_enable[k]) words[w_address][k*PART+:PART] <= w_data[k*PART+:PART];
    if (r_enable) r_data <= words[r_address];
  end
endmodule
"""
"""That module, as a simulator has it, and a synthesiser that knows no macros."""

# Up to here, registers are smaller than a macro.
_REGISTERS = 32


class Asic:
    """Platform of an ASIC: larger memories are instances of :data:`MACRO`."""

    memory_macro = MACRO


class Store(wiring.Component):
    """Memory with a port to write and a port to read, one access each every cycle.

    One cycle from an address to its content. Writing and reading one address in one cycle reads
    anything. All words are 0 at first. On iCE40 it is the primitive SB_RAM40_4K, as far as blocks
    need not lie one above the other; on an ASIC it is a macro; elsewhere it is left to synthesis.

    Parameters
    ----------
    width, depth : int
        Of a word, and how many.
    parts : int
        Equal parts of a word, each with an enable of its own.

    Members
    -------
    w_enable : In(parts)
        Write these parts of ``w_data`` to ``w_address``.
    w_address, address : In(range(depth))
    w_data : In(width)
    enable : In(1)
        Read: else ``data`` stays. Always, if nobody says.
    data : Out(width)
        Content of the ``address`` of the cycle before.

    Source
    ------
    Lattice, Memory Usage Guide for iCE40 Devices (FPGA-TN-02002); the simulation model of
    SB_RAM40_4K in Yosys, ``ice40/cells_sim.v``.
    """

    def __init__(self, width: int, depth: int, *, parts: int = 1):
        self.width = width
        self.depth = depth
        self.parts = parts
        super().__init__(
            {
                "w_enable": In(parts),
                "w_address": In(range(depth)),
                "w_data": In(width),
                "address": In(range(depth)),
                "enable": In(1, init=1),
                "data": Out(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        mode = max(0, (-(-self.depth // _WORDS) - 1).bit_length())
        if has_sb_ram40(platform) and mode < (len(_FIRST) if self.parts == 1 else 1):
            for low in range(0, self.width, _WIDTH >> mode):
                self._block(m, mode, low, min(low + (_WIDTH >> mode), self.width))
            return m
        if (macro := getattr(platform, "memory_macro", "")) and self.depth > _REGISTERS:
            m.submodules.memory = Instance(
                macro,
                p_WIDTH=self.width,
                p_DEPTH=self.depth,
                p_ADDRESS=len(self.address),
                p_PARTS=self.parts,
                i_clk=ClockSignal("sync"),
                i_w_enable=self.w_enable,
                i_w_address=self.w_address,
                i_w_data=self.w_data,
                i_r_enable=self.enable,
                i_r_address=self.address,
                o_r_data=self.data,
            )
            return m
        m.submodules.memory = store = memory.Memory(shape=self.width, depth=self.depth, init=[])
        w_port = store.write_port(granularity=self.width // self.parts)
        r_port = store.read_port()
        m.d.comb += [
            w_port.addr.eq(self.w_address),
            w_port.data.eq(self.w_data),
            w_port.en.eq(self.w_enable),
            r_port.addr.eq(self.address),
            r_port.en.eq(self.enable),
            self.data.eq(r_port.data),
        ]
        return m

    def _block(self, m, mode, low, high):
        """Block RAM for the bits from *low* to *high* of all words."""
        # Only the pins of bits that there are are heeded; only the widest words have a mask.
        w_data, mask, r_data = [Const(0, 1)] * _WIDTH, [Const(0, 1)] * _WIDTH, Signal(_WIDTH)
        for bit in range(low, high):
            pin = ((bit - low) << mode) + _FIRST[mode]
            w_data[pin] = self.w_data[bit]
            if self.parts > 1:
                mask[pin] = ~self.w_enable[bit * self.parts // self.width]
            m.d.comb += self.data[bit].eq(r_data[pin])
        m.submodules[f"block_{low}"] = Instance(
            "SB_RAM40_4K",
            p_READ_MODE=mode,
            p_WRITE_MODE=mode,
            i_WCLK=ClockSignal("sync"),
            i_WCLKE=1,
            i_WE=self.w_enable.any(),
            i_WADDR=_wide(self.w_address),
            i_MASK=Cat(mask),
            i_WDATA=Cat(w_data),
            i_RCLK=ClockSignal("sync"),
            i_RCLKE=self.enable,
            i_RE=1,
            i_RADDR=_wide(self.address),
            o_RDATA=r_data,
        )


def _wide(address):
    return Cat(address, Const(0, 11 - len(address)))
