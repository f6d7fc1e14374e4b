"""Queue order and placement."""
