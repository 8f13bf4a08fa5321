"""What the workers look at for `doctor`."""
