"""A call to a system: where it may go, how fast, with what login, how often, and what its answer says."""
