"""Requests and jobs: arrivals, lengths, trace readers."""
