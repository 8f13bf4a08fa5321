"""What the status looks at, at the real systems and at what only resembles them."""
