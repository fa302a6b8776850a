"""The full-screen terminal interface: rooms, sheets and the few widgets they are made of.

It talks to actions and reads the store, nothing else; see `tests/test_import_law.py`.
"""
