"""Gang training jobs."""
