"""`make demo` in every kind of place that a person may have: run by `make anywhere`, as root."""
