"""The errors of a week: by endpoint, and by pattern."""
