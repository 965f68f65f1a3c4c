"""The golden model: what the circuits compute, in NumPy, bit for bit."""
