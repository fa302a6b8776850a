"""Policy: what may be called, and what may be kept of it."""
