"""Kinds of URL that pyserial learns from the simulation: a module for each, named as it asks."""
