// DP16KD, as far as circuits here use it, after Lattice's ECP5 Memory Usage Guide (FPGA-TN-02204).
// Yosys has the ports and the parameters of the primitive, and no behaviour.
//
// A memory that is written through port A and read through port B, with words of one width. The
// wider they are, the more of the lowest bits of an address are left out; in words of 18 bits, the
// lowest two of port A enable the two halves. The registers are 0 when the device wakes up. So
// are all words, which is not written down here: Yosys takes too long to read it. What is read while
// it is written is not said.
//
// What is not described is refused: a parameter or a port that is not declared here, or a parameter
// with another value, makes Yosys fail.

module DP16KD (
    input CLKA, CEA, OCEA, RSTA, WEA, CSA0, CSA1, CSA2,
    input ADA0, ADA1, ADA2, ADA3, ADA4, ADA5, ADA6, ADA7, ADA8, ADA9, ADA10, ADA11, ADA12, ADA13,
    input DIA0, DIA1, DIA2, DIA3, DIA4, DIA5, DIA6, DIA7, DIA8,
    input DIA9, DIA10, DIA11, DIA12, DIA13, DIA14, DIA15, DIA16, DIA17,
    // With WEB, port B does not read.
    input CLKB, CEB, OCEB, RSTB, WEB, CSB0, CSB1, CSB2,
    input ADB0, ADB1, ADB2, ADB3, ADB4, ADB5, ADB6, ADB7, ADB8, ADB9, ADB10, ADB11, ADB12, ADB13,
    input DIB0, DIB1, DIB2, DIB3, DIB4, DIB5, DIB6, DIB7, DIB8,
    input DIB9, DIB10, DIB11, DIB12, DIB13, DIB14, DIB15, DIB16, DIB17,
    output DOB0, DOB1, DOB2, DOB3, DOB4, DOB5, DOB6, DOB7, DOB8,
    output DOB9, DOB10, DOB11, DOB12, DOB13, DOB14, DOB15, DOB16, DOB17
);
    parameter DATA_WIDTH_A = 18;
    parameter DATA_WIDTH_B = 18;
    parameter REGMODE_A = "NOREG";
    parameter REGMODE_B = "NOREG";
    parameter CLKAMUX = "CLKA";
    parameter CLKBMUX = "CLKB";
    parameter WRITEMODE_A = "NORMAL";
    parameter WRITEMODE_B = "NORMAL";
    parameter CSDECODE_A = "0b000";
    parameter CSDECODE_B = "0b000";
    parameter RESETMODE = "SYNC";
    parameter GSR = "AUTO";

    localparam WIDTH = DATA_WIDTH_A;
    localparam LEFT_OUT = WIDTH == 18 ? 4 : WIDTH == 9 ? 3 : WIDTH == 4 ? 2 : WIDTH == 2 ? 1 : 0;
    localparam WORDS = 16384 >> LEFT_OUT;

    generate
        if (WIDTH != 18 && WIDTH != 9 && WIDTH != 4 && WIDTH != 2 && WIDTH != 1
                || DATA_WIDTH_B != WIDTH
                || REGMODE_A != "NOREG" || REGMODE_B != "NOREG" && REGMODE_B != "OUTREG"
                || CLKAMUX != "CLKA" || CLKBMUX != "CLKB"
                || WRITEMODE_A != "NORMAL" || WRITEMODE_B != "NORMAL"
                || CSDECODE_A != "0b000" || CSDECODE_B != "0b000"
                || RESETMODE != "SYNC" || GSR != "AUTO")
            parameter_value_is_not_described refuse ();
    endgenerate

    wire [13:0] address_a = {
        ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
    wire [13:0] address_b = {
        ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
    wire [17:0] data_a = {
        DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9,
        DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
    wire chosen_a = CEA && {CSA2, CSA1, CSA0} == 0;
    wire chosen_b = CEB && {CSB2, CSB1, CSB0} == 0;
    wire write_a = chosen_a && WEA && !RSTA;

    reg [WIDTH-1:0] content [0:WORDS-1];
    generate
        if (WIDTH == 18) begin
            always @(posedge CLKA) begin
                if (write_a && ADA0) content[address_a[13:4]][8:0] <= data_a[8:0];
                if (write_a && ADA1) content[address_a[13:4]][17:9] <= data_a[17:9];
            end
        end else begin
            always @(posedge CLKA) if (write_a) content[address_a[13:LEFT_OUT]] <= data_a;
        end
    endgenerate

    reg [WIDTH-1:0] read = 0, held = 0;
    always @(posedge CLKB) begin
        if (RSTB) read <= 0;
        else if (chosen_b && !WEB) read <= content[address_b[13:LEFT_OUT]];
        if (RSTB) held <= 0;
        else if (OCEB) held <= read;
    end

    wire [17:0] out = REGMODE_B == "OUTREG" ? held : read;
    assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9,
            DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0} = out;
endmodule
