"""What one source of alerts says in another way than Alertmanager."""
