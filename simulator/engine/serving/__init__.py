"""Serving replicas: continuous batching, KV cache, router."""
