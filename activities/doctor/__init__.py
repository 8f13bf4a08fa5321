"""What `doctor` looks at, with the product's own code: the same from a worker and from a command."""
