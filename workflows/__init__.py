"""Decisions only: one file a runbook, and the few plain objects that runbooks share."""
