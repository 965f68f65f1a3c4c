"""The circuits, in Amaranth."""
