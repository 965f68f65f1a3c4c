"""A core as files: Verilog, benches, registers, a driver, and how to use them."""
