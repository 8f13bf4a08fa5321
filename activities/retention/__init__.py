"""How far back Prometheus keeps its series."""
