"""What is believed and why: signed catalog copies, and the pinned definitions of tools."""
