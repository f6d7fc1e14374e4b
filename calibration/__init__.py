"""Short microbenchmarks on a real accelerator become a device profile that the simulator reads.

The two packages meet in a file: nothing in `simulator` imports this package, and this package imports only the
simulator's profiles, physics, documents, units and errors.
"""
