"""MCP clients' config files: what exists where, and edits that keep every byte not ours."""
