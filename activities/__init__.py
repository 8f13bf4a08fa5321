"""Evidence and actions, in folders by outside system. Nothing here decides.

Read-only activities answer with evidence and never raise for an outside system's trouble;
actions raise what is final. Clients are passed to `__init__`.
"""
