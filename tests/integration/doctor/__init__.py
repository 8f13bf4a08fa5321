"""What `doctor` says of setups that are broken in one way each."""
