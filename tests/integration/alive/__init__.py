"""The product says that it is alive, to real monitoring."""
