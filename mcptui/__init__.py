"""mcptui: the secure MCP toolkit in a terminal."""

__version__ = "0.1.0"
