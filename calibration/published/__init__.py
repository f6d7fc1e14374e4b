"""Tables of kernels that others measured and published, read as windows: one row, one window."""
