"""Checks of a profile against something that no fit has seen: a whole transformer, or a log of a user's own."""
