"""Sweeps: many configurations, parts and seeds, measured side by side and kept as they come."""
