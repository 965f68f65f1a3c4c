"""What the benches of the circuits share."""
