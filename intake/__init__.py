"""The HTTP server: takes alerts and messages from people, and shows incidents. It decides nothing."""
