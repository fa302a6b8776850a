"""Images: built here from packages without running their code, or read from registries."""
