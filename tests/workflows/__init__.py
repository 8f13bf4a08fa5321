"""Workflows on the time-skipping server: hours of an incident in a moment of real time."""
