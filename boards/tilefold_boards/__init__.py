"""The bitstreams: one short file of data per board, one shared top."""
