"""Overlays: everything that asks, and goes away again with esc."""
