"""The machine's own service manager, as a part of tests."""
