"""The starters of the real parts: one file a part, each an async context manager.

A part starts a real program on free loopback ports in a work directory, is entered when the
program is ready, and ends only what it started. Its log stays in the work directory.
"""
