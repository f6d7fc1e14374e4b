"""Comparison of the simulator with published measurements: ``python -m benchmarks.validation KIND PATH --json OUT``.

Each kind reads one published format, builds a scenario per row without being told the answer, runs it, and compares.
"""
