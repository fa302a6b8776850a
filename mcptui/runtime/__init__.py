"""Containers: what one is to be, how it is started, spoken with and brought to an end."""
