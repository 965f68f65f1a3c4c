"""Report: what a calibration found, on one page of HTML that needs nothing else."""
