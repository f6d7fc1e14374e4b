"""Measuring a device: plan, kernels, sensors, windows, and the directory that they are written to."""
