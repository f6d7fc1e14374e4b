"""Studies that are longer than tests: speed against SimPy and peers, errors against published measurements, fits."""
