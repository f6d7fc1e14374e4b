"""The scenario file: schema, loader, dotted paths."""
