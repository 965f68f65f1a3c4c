"""The page docs/calibration.md: what it tells of, measured and written by one command."""
