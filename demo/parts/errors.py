"""What can go wrong with a part.

PartError
├── NotInstalledError   a program is not on this machine
├── NotReadyError       something did not become true in time
└── EndedError          a process ended before it was ready
"""

from __future__ import annotations


class PartError(Exception):
    """A part could not be brought up; the message says which, why, and what to do."""


class NotInstalledError(PartError):
    """A program that a part needs is not on this machine; the message says how to get it."""


class NotReadyError(PartError):
    """What was waited for did not happen in time; the message names it and the last thing seen."""


class EndedError(PartError):
    """A process ended before it was ready; the message holds the end of its log."""
