"""The demo: a small trained network, its data, and what compression does to its accuracy."""
