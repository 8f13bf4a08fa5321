"""The commands that a person types, one file a group. They ask and tell; nothing here decides."""
