"""HTTP to business systems: one client per system, built from its spec."""
