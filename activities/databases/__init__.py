"""What a person asks a PostgreSQL by hand."""
