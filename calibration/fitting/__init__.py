"""Fits of rates, energies and links to measured windows, with their uncertainty and their error on what they never saw.

`least_squares` is the one core; `layers`, `attention`, `links` and `board_power` hold the simulator's own equations.
Every fit reads a table of windows (`calibration.windows`) and the datasheet figures of a base profile.
"""
