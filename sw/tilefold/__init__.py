"""The host: golden model, calibration, bundle and command line."""
