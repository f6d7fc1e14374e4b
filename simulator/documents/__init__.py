"""Documents that people write: YAML with the line of every value, checked against a schema with every fault at once."""
