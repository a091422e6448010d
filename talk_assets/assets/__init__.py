"""Dagster's face of the stages, as the specs describe what they work on."""
