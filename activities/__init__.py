"""Effects only, one file an outside system: nothing here decides.

Read-only activities answer with evidence and never raise for an outside system's trouble;
effects raise what is final. Clients come in through `__init__`.
"""
