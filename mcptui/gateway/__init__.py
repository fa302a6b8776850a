"""The gateway: what clients start, between them and the servers."""
