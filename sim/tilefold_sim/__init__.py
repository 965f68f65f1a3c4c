"""Running the hardware inside a computer: benches, compiled simulations, the demo."""
