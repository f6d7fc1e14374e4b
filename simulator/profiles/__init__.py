"""Frozen records of devices, servers, models and facilities, each figure with its source."""
