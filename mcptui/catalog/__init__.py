"""The catalog: its query language, the open database, and how one is made from its sources."""
