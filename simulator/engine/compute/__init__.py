"""Servers and accelerators: power, allocation."""
