"""Specs: dataflow documents in and out, mapping and system specs, and what can be proved of them without data."""
