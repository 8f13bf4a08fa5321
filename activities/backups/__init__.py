"""The backups of the databases: which there are, and whether they can be read."""
