"""Calibration: from a trained PyTorch network to what the hardware needs. Needs PyTorch."""
