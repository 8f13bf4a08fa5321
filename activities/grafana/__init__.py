"""Grafana: its dashboards, and the git repository that keeps them."""
