"""Tables and plots of profiles and measurements."""
