"""Readers of request traces, one format a file."""
