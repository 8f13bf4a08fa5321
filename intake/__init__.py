"""What comes in over HTTP: alerts, decisions, questions about incidents. Nothing here decides."""
