"""From a valid scenario to a wired datacenter."""
