"""Grafana: its dashboards, the git repository that keeps them, and the marks of incidents."""
