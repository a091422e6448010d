"""Dagster's face of the specs and, later, of the stages."""
