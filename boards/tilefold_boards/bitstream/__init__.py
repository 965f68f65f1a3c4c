"""Bitstreams: from a board and a configuration to the files that are put on it."""
