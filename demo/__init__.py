"""A small but real stand-in for the stack of `runbook.md`, with fault injection.

Every part is a real program on free loopback ports; nothing here is used in production.
"""
