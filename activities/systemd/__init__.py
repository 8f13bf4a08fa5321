"""What systemd's own programs print, read: pure functions, which ask nothing."""
