"""Wattline: a discrete-event simulator of datacenters that train and serve large models."""
