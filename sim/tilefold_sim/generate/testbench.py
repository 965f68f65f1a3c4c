"""The testbench in Verilog: plays the vectors against a core, with pauses on both sides."""

from collections.abc import Iterable
from string import Template

from tilefold_hw.core import CoreConfig
from tilefold_hw.regs import BUSY, ID

from .vectors import Vectors

_BUS = {
    "axi-lite": (
        """\
  reg [$top:0] s_axil_awaddr = 0, s_axil_araddr = 0;
  reg s_axil_awvalid = 0, s_axil_wvalid = 0, s_axil_bready = 0;
  reg s_axil_arvalid = 0, s_axil_rready = 0;
  reg [31:0] s_axil_wdata = 0;
  wire s_axil_awready, s_axil_wready, s_axil_bvalid, s_axil_arready, s_axil_rvalid;
  wire [1:0] s_axil_bresp, s_axil_rresp;
  wire [31:0] s_axil_rdata;
""",
        """\
    .s_axil_awaddr(s_axil_awaddr), .s_axil_awprot(3'b000),
    .s_axil_awvalid(s_axil_awvalid), .s_axil_awready(s_axil_awready),
    .s_axil_wdata(s_axil_wdata), .s_axil_wstrb(4'b1111),
    .s_axil_wvalid(s_axil_wvalid), .s_axil_wready(s_axil_wready),
    .s_axil_bresp(s_axil_bresp), .s_axil_bvalid(s_axil_bvalid), .s_axil_bready(s_axil_bready),
    .s_axil_araddr(s_axil_araddr), .s_axil_arprot(3'b000),
    .s_axil_arvalid(s_axil_arvalid), .s_axil_arready(s_axil_arready),
    .s_axil_rdata(s_axil_rdata), .s_axil_rresp(s_axil_rresp),
    .s_axil_rvalid(s_axil_rvalid), .s_axil_rready(s_axil_rready)
""",
        """\
  // The address and the data may be taken in any order, then the response comes.
  reg address_left, data_left, waits;

  task write(input [31:0] address, input [31:0] value);
    begin
      s_axil_awaddr <= address[$top:0];
      s_axil_wdata <= value;
      s_axil_awvalid <= 1;
      s_axil_wvalid <= 1;
      s_axil_bready <= 1;
      address_left = 1;
      data_left = 1;
      waits = 1;
      while (waits) begin
        @(posedge $clk);
        if (address_left && s_axil_awvalid && s_axil_awready) begin
          s_axil_awvalid <= 0;
          address_left = 0;
        end
        if (data_left && s_axil_wvalid && s_axil_wready) begin
          s_axil_wvalid <= 0;
          data_left = 0;
        end
        if (s_axil_bvalid && s_axil_bready) begin
          s_axil_bready <= 0;
          waits = 0;
          if (s_axil_bresp != 0) fail("a write was refused");
        end
      end
    end
  endtask

  task read(input [31:0] address, output [31:0] value);
    begin
      s_axil_araddr <= address[$top:0];
      s_axil_arvalid <= 1;
      s_axil_rready <= 1;
      address_left = 1;
      waits = 1;
      while (waits) begin
        @(posedge $clk);
        if (address_left && s_axil_arvalid && s_axil_arready) begin
          s_axil_arvalid <= 0;
          address_left = 0;
        end
        if (s_axil_rvalid && s_axil_rready) begin
          s_axil_rready <= 0;
          waits = 0;
          value = s_axil_rdata;
          if (s_axil_rresp != 0) fail("a read was refused");
        end
      end
    end
  endtask
""",
    ),
    "wishbone": (
        """\
  reg [$wordtop:0] wb_adr = 0;
  reg [31:0] wb_dat = 0;
  reg wb_we = 0, wb_cyc = 0;
  wire [31:0] wb_dat_o;
  wire wb_ack, wb_err;
""",
        """\
    .wb_adr_i(wb_adr), .wb_dat_i(wb_dat), .wb_dat_o(wb_dat_o), .wb_sel_i(4'b1111),
    .wb_we_i(wb_we), .wb_cyc_i(wb_cyc), .wb_stb_i(wb_cyc), .wb_ack_o(wb_ack), .wb_err_o(wb_err)
""",
        """\
  reg waits;

  task access(input [31:0] address, input we, input [31:0] value);
    begin
      wb_adr <= address[$top:2];
      wb_dat <= value;
      wb_we <= we;
      wb_cyc <= 1;
      waits = 1;
      while (waits) begin
        @(posedge $clk);
        if (wb_cyc && wb_err) fail("an access was refused");
        if (wb_cyc && (wb_ack || wb_err)) begin
          wb_cyc <= 0;
          waits = 0;
        end
      end
    end
  endtask

  task write(input [31:0] address, input [31:0] value);
    access(address, 1'b1, value);
  endtask

  task read(input [31:0] address, output [31:0] value);
    begin
      access(address, 1'b0, 0);
      value = wb_dat_o;
    end
  endtask
""",
    ),
}

_BENCH = """\
// Testbench of $module: plays the vectors that lie in vectors/, and compares every beat.
//
//   iverilog -g2005 -o tb tb_$module.v $module.v && vvp tb
//   Or: verilator --binary --timing -Wno-fatal -CFLAGS -std=c++20 --top-module tb_$module \\
//     tb_$module.v $module.v && obj_dir/Vtb_$module
//
// It ends with PASS, or with FAIL and why. Run it in the folder that it lies in.
`timescale 1ns / 1ps

module tb_$module;
  reg $clk = 0, $rst = $on;
  always #5 $clk = !$clk;

  reg [$in_top:0] s_axis_tdata = 0;
  reg s_axis_tlast = 0, s_axis_tvalid = 0, m_axis_tready = 0;
  wire s_axis_tready, m_axis_tvalid, m_axis_tlast;
  wire [$out_top:0] m_axis_tdata;
  wire [$keep_top:0] m_axis_tkeep;
$bus_signals
  $module dut (
    .$clk($clk), .$rst($rst),
    .s_axis_tdata(s_axis_tdata), .s_axis_tkeep({$in_bytes{1'b1}}),
    .s_axis_tlast(s_axis_tlast), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready),
    .m_axis_tdata(m_axis_tdata), .m_axis_tkeep(m_axis_tkeep),
    .m_axis_tlast(m_axis_tlast), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready),
$bus_pins  );

  // Address and value of each write; tlast and tdata of each beat; behind the last write, beat in
  // and beat out of each layer.
  reg [63:0] writes[0:$writes - 1];
  reg [$in_top + 1:0] inputs[0:$inputs - 1];
  reg [$out_top + 1:0] outputs[0:$outputs - 1];
  reg [31:0] ends[0:$bounds - 1];

  integer written = 0, sent = 0, received = 0, limit = 0, layer, seed = 1;

  task fail(input [8 * 64 - 1:0] why);
    begin
      $$display("FAIL at %0d ns, beat %0d out: %0s", $$time, received, why);
      $$finish;
    end
  endtask

$bus_tasks
  reg [31:0] value, identity = 0;

  // Beats in, with pauses.
  always @(posedge $clk)
    if (!s_axis_tvalid || s_axis_tready) begin
      s_axis_tvalid <= 0;
      if (sent < limit && $$random(seed) % 4 != 0) begin
        s_axis_tvalid <= 1;
        {s_axis_tlast, s_axis_tdata} <= inputs[sent];
        sent <= sent + 1;
      end
    end

  // Beats out, with pauses.
  always @(posedge $clk) begin
    m_axis_tready <= $$random(seed) % 4 != 0;
    if (m_axis_tvalid && m_axis_tready) begin
      if (received == $outputs) fail("a beat too many");
      else if ({m_axis_tlast, m_axis_tdata} !== outputs[received])
        fail("tlast and tdata are not those of the vector");
      if (m_axis_tkeep !== {$out_bytes{1'b1}}) fail("tkeep is not all ones");
      received <= received + 1;
    end
  end

  initial begin
    $$readmemh("vectors/writes.hex", writes);
    $$readmemh("vectors/inputs.hex", inputs);
    $$readmemh("vectors/outputs.hex", outputs);
    $$readmemh("vectors/ends.hex", ends);
    repeat (4) @(posedge $clk);
    $rst <= $off;
    repeat (2) @(posedge $clk);
$checks    for (layer = 0; layer < $layers; layer = layer + 1) begin
      // Settings may be written as soon as no packet runs on those of two layers ago.
$polls      while (written < ends[3 * layer]) begin
        write(writes[written][63:32], writes[written][31:0]);
        written = written + 1;
      end
      limit = ends[3 * layer + 1];
      while (received < ends[3 * layer + 2]) @(posedge $clk);
    end
    repeat (100) @(posedge $clk);
$errors    $$display("PASS: %0d layers, %0d beats in, %0d beats out", layer, sent, received);
    $$finish;
  end

  initial begin
    #$timeout fail("it takes too long");
  end
endmodule
"""


def testbench(core: CoreConfig, vectors: Vectors) -> str:
    """Write the testbench."""
    signals, pins, tasks = (Template(text) for text in _BUS[core.bus])
    clock, reset = core.clock_pins
    taken, given = core.data_widths
    beats = sum(map(len, vectors.inputs)) + sum(map(len, vectors.outputs))
    writes = sum(map(len, vectors.writes))
    checks, polls, errors = [], [], []
    for window in core.windows:
        at = {reg.name: f"32'h{window.byte(reg.address):x}" for reg in window.regs.registers}
        checks += [
            f"    read({at['id']}, identity);",
            f'    if (identity != 32\'h{ID:x}) fail("this is no {window.side}");',
        ]
        polls += [
            f"      value = {BUSY};",
            f"      while (value & {BUSY}) read({at['status']}, value);",
        ]
        errors += [
            f"    read({at['errors']}, value);",
            f'    if (value != 0) fail("the {window.side} has seen an error");',
        ]
    words = {
        "module": core.module,
        "clk": clock,
        "rst": reset,
        "on": "0" if core.active_low else "1",
        "off": "1" if core.active_low else "0",
        "top": core.address_width - 1,
        "wordtop": core.address_width - 3,
        "in_top": taken - 1,
        "out_top": given - 1,
        "in_bytes": taken // 8,
        "out_bytes": given // 8,
        "keep_top": given // 8 - 1,
        "writes": writes,
        "inputs": sum(map(len, vectors.inputs)),
        "outputs": sum(map(len, vectors.outputs)),
        "bounds": 3 * len(vectors.writes),
        "layers": len(vectors.writes),
        # Some ten times what it takes, at ten nanoseconds a clock.
        "timeout": 100 * (16 * writes + 4 * beats + 10000),
        "checks": _lines(checks),
        "polls": _lines(polls),
        "errors": _lines(errors),
    }
    words |= {
        "bus_signals": signals.substitute(words),
        "bus_pins": pins.substitute(words),
        "bus_tasks": tasks.substitute(words),
    }
    return Template(_BENCH).substitute(words)


def hex_files(core: CoreConfig, vectors: Vectors) -> dict[str, str]:
    """Files of the vectors, by name, as ``$readmemh`` reads them: a number a line."""
    taken, given = core.data_widths
    ends = []
    written = sent = received = 0
    for writes, inputs, outputs in zip(
        vectors.writes, vectors.inputs, vectors.outputs, strict=True
    ):
        written, sent, received = (
            written + len(writes),
            sent + len(inputs),
            received + len(outputs),
        )
        ends += [written, sent, received]
    return {
        "writes.hex": _hex((a << 32 | v for each in vectors.writes for a, v in each), 64),
        "inputs.hex": _hex((beat for each in vectors.inputs for beat in each), taken + 1),
        "outputs.hex": _hex((beat for each in vectors.outputs for beat in each), given + 1),
        "ends.hex": _hex(ends, 32),
    }


def _hex(numbers: Iterable[int], width: int) -> str:
    return _lines(f"{number:0{-(-width // 4)}x}" for number in numbers)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
