"""The product says that it is alive, so that its silence is noticed from outside."""
