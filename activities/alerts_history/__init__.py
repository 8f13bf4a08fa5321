"""What fired within a time: by Prometheus' own series of alerts, and by our incidents."""
