// Cuts the multiplications out of a circuit, for proofs that hold whatever a product is: each becomes
// an instance of `product`, which has no inside. All are made alike, of signed factors of 36 bits
// and the 36 lowest bits of their product. So the same multiplication looks the same wherever it is
// written with factors of fewer bits, or with fewer bits of the product.

(* blackbox *)
module product (
    input [35:0] a, b,
    output [35:0] y
);
endmodule

(* techmap_celltype = "$mul" *)
module cut (A, B, Y);
    parameter A_SIGNED = 0;
    parameter B_SIGNED = 0;
    parameter A_WIDTH = 0;
    parameter B_WIDTH = 0;
    parameter Y_WIDTH = 0;

    input [A_WIDTH-1:0] A;
    input [B_WIDTH-1:0] B;
    output [Y_WIDTH-1:0] Y;

    // Left as it is, which a proof must look for.
    wire _TECHMAP_FAIL_ = !A_SIGNED || !B_SIGNED || A_WIDTH > 36 || B_WIDTH > 36 || Y_WIDTH > 36;

    wire [35:0] a = $signed(A);
    wire [35:0] b = $signed(B);
    wire [35:0] y;
    product _TECHMAP_REPLACE_ (.a(a), .b(b), .y(y));
    assign Y = y;
endmodule
