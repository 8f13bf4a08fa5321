"""What stands in for systems that nobody can start here: a provider of texts, and Sentry."""
