// Leaves one word of a memory, for proofs that hold for every word: the one at `spot`, an address
// that never changes and may be any. What is read of all others is `elsewhere`, which may be
// anything in every cycle. So is a bit that is read while it is written. All words are 0 at first.
// A memory in several parts has the spot in one of them: `here` says whether it is in this one.
//
// A proof constrains these three, so that two forms of a memory mean the same.

(* techmap_celltype = "$mem_v2" *)
module cut (
    RD_CLK, RD_EN, RD_ARST, RD_SRST, RD_ADDR, RD_DATA, WR_CLK, WR_EN, WR_ADDR, WR_DATA
);
    parameter MEMID = "";
    parameter SIZE = 0;
    parameter OFFSET = 0;
    parameter ABITS = 0;
    parameter WIDTH = 0;
    parameter INIT = 0;
    parameter RD_PORTS = 0;
    parameter RD_CLK_ENABLE = 0;
    parameter RD_CLK_POLARITY = 0;
    parameter RD_TRANSPARENCY_MASK = 0;
    parameter RD_COLLISION_X_MASK = 0;
    parameter RD_WIDE_CONTINUATION = 0;
    parameter RD_CE_OVER_SRST = 0;
    parameter RD_ARST_VALUE = 0;
    parameter RD_SRST_VALUE = 0;
    parameter RD_INIT_VALUE = 0;
    parameter WR_PORTS = 0;
    parameter WR_CLK_ENABLE = 0;
    parameter WR_CLK_POLARITY = 0;
    parameter WR_PRIORITY_MASK = 0;
    parameter WR_WIDE_CONTINUATION = 0;

    input [RD_PORTS-1:0] RD_CLK, RD_EN, RD_ARST, RD_SRST;
    input [RD_PORTS*ABITS-1:0] RD_ADDR;
    output [RD_PORTS*WIDTH-1:0] RD_DATA;
    input [WR_PORTS-1:0] WR_CLK;
    input [WR_PORTS*WIDTH-1:0] WR_EN;
    input [WR_PORTS*ABITS-1:0] WR_ADDR;
    input [WR_PORTS*WIDTH-1:0] WR_DATA;

    // Left as it is, which a proof must look for.
    wire _TECHMAP_FAIL_ = RD_PORTS != 1 || (|INIT) === 1 || WR_CLK_ENABLE == 0;

    wire here = $anyconst;
    wire [ABITS-1:0] spot = $anyconst;
    wire [WIDTH-1:0] elsewhere = $anyseq;

    reg [WIDTH-1:0] word = 0;
    reg [WIDTH-1:0] written, w_data;
    integer port, n;
    always @* begin
        written = 0;
        w_data = 0;
        for (port = 0; port < WR_PORTS; port = port + 1)
            for (n = 0; n < WIDTH; n = n + 1)
                if (here && WR_ADDR[port*ABITS +: ABITS] == spot && WR_EN[port*WIDTH + n]) begin
                    written[n] = 1;
                    w_data[n] = WR_DATA[port*WIDTH + n];
                end
    end
    always @(posedge WR_CLK[0]) word <= word & ~written | w_data;

    // Each bit comes from the word, or from elsewhere.
    wire [WIDTH-1:0] known = here && RD_ADDR == spot ? ~written : 0;
    wire [WIDTH-1:0] found = word & known | elsewhere & ~known;
    reg [WIDTH-1:0] read = 0;
    always @(posedge RD_CLK[0]) if (RD_EN[0]) read <= found;
    assign RD_DATA = RD_CLK_ENABLE ? read : found;
endmodule
