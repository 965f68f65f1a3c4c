// MULT18X18, as far as circuits here use it, after Gowin's DSP User Guide (UG287). Yosys has the
// ports and the parameters of the primitive, and no behaviour.
//
// The product of two operands of 18 bits. Registers may stand at the operands, inside the multiplier
// and at the product; all of them have one clock, one enable and one synchronous reset. They are 0
// when the device wakes up.
//
// What is not described is refused: a parameter or a port that is not declared here, or a parameter
// with another value, makes Yosys fail.

module MULT18X18 (
    input [17:0] A, B,
    // The operands of the multiplier in front, which there is none of.
    input [17:0] SIA, SIB,
    input ASEL, BSEL,
    input ASIGN, BSIGN,
    input CLK, CE, RESET,
    output [35:0] DOUT
);
    parameter AREG = 0;
    parameter BREG = 0;
    parameter PIPE_REG = 0;
    parameter OUT_REG = 0;
    parameter ASIGN_REG = 0;
    parameter BSIGN_REG = 0;
    parameter SOA_REG = 0;
    parameter MULT_RESET_MODE = "SYNC";

    generate
        if (ASIGN_REG || BSIGN_REG || SOA_REG || MULT_RESET_MODE != "SYNC")
            parameter_value_is_not_described refuse ();
    endgenerate

    reg [17:0] a_held = 0, b_held = 0;
    reg [35:0] inside = 0, out = 0;
    wire [17:0] a_in = ASEL ? SIA : A;
    wire [17:0] b_in = BSEL ? SIB : B;
    wire [17:0] a = AREG ? a_held : a_in;
    wire [17:0] b = BREG ? b_held : b_in;
    wire [18:0] a_signed = {ASIGN & a[17], a};
    wire [18:0] b_signed = {BSIGN & b[17], b};
    wire [35:0] product = $signed(a_signed) * $signed(b_signed);
    wire [35:0] piped = PIPE_REG ? inside : product;

    always @(posedge CLK)
        if (RESET) {a_held, b_held, inside, out} <= 0;
        else if (CE) {a_held, b_held, inside, out} <= {a_in, b_in, product, piped};
    assign DOUT = OUT_REG ? out : piped;
endmodule
