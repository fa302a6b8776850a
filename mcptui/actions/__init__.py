"""What a person can do with mcptui, one verb per file: screen, keys and commands call these."""
