"""Time series of outside things: carbon, price, weather."""
