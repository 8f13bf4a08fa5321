"""A small but real stack with fault injection: backend, PostgreSQL, Temporal, Prometheus, Alertmanager.

Every part is a real program on free loopback ports; nothing here is used in production.
"""
