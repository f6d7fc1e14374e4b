"""Fits of the shipped accelerator parameters to published tables, which a user keeps beside the project.

`python -m benchmarks.fit --data ../shared` prints every parameter with its error; the profiles in `simulator/data`
carry these numbers, and a test compares the two.
"""
