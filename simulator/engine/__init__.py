"""The SimPy processes; the only package that imports simpy."""
