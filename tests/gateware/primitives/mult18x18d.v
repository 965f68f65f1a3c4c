// MULT18X18D, as far as circuits here use it, after Lattice's ECP5 sysDSP Usage Guide
// (FPGA-TN-02205). Yosys has the ports and the parameters of the primitive, and no behaviour.
//
// The product of two operands of 18 bits. Registers may stand at the operands, inside the multiplier
// and at the product; all of them have one clock, one enable and one synchronous reset. They are 0
// when the device wakes up.
//
// What is not described is refused: a parameter or a port that is not declared here, or a parameter
// with another value, makes Yosys fail.

module MULT18X18D (
    input A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13, A14, A15, A16, A17,
    input B0, B1, B2, B3, B4, B5, B6, B7, B8, B9, B10, B11, B12, B13, B14, B15, B16, B17,
    // Goes on to the next multiplier of a cascade, which there is none of.
    input C0, C1, C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, C13, C14, C15, C16, C17,
    input SIGNEDA, SIGNEDB,
    // 0: the operand comes from A or B; 1: from the multiplier in front, which there is none of.
    input SOURCEA, SOURCEB,
    input CLK0, CE0, RST0,
    output P0, P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P11, P12, P13, P14, P15, P16, P17,
    output P18, P19, P20, P21, P22, P23, P24, P25, P26, P27, P28, P29, P30, P31, P32, P33, P34, P35
);
    parameter REG_INPUTA_CLK = "NONE";
    parameter REG_INPUTB_CLK = "NONE";
    parameter REG_PIPELINE_CLK = "NONE";
    parameter REG_OUTPUT_CLK = "NONE";

    wire [17:0] a = {A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
    wire [17:0] b = {B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};

    // Signs are registered beside their operands.
    wire [18:0] a_in = SOURCEA ? 19'b0 : {SIGNEDA & a[17], a};
    wire [18:0] b_in = SOURCEB ? 19'b0 : {SIGNEDB & b[17], b};
    wire [18:0] a_held, b_held;
    mult18x18d_register #(.CLK(REG_INPUTA_CLK), .WIDTH(19)) at_a (CLK0, CE0, RST0, a_in, a_held);
    mult18x18d_register #(.CLK(REG_INPUTB_CLK), .WIDTH(19)) at_b (CLK0, CE0, RST0, b_in, b_held);

    wire [35:0] product = $signed(a_held) * $signed(b_held);
    wire [35:0] inside, p;
    mult18x18d_register #(.CLK(REG_PIPELINE_CLK)) pipeline (CLK0, CE0, RST0, product, inside);
    mult18x18d_register #(.CLK(REG_OUTPUT_CLK)) at_p (CLK0, CE0, RST0, inside, p);

    assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18,
            P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = p;
endmodule

// A register, or none.
module mult18x18d_register #(
    parameter CLK = "NONE",
    parameter WIDTH = 36
) (
    input clock, enable, reset,
    input [WIDTH-1:0] d,
    output [WIDTH-1:0] q
);
    generate
        if (CLK == "CLK0") begin
            reg [WIDTH-1:0] held = 0;
            always @(posedge clock)
                if (reset) held <= 0;
                else if (enable) held <= d;
            assign q = held;
        end else if (CLK == "NONE") begin
            assign q = d;
        end else begin
            parameter_value_is_not_described refuse ();
        end
    endgenerate
endmodule
