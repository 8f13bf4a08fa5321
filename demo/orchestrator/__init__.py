"""The application's own workflows, in a Temporal namespace of their own."""
