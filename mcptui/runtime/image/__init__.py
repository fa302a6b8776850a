"""Images from packages: built here, without running any of the package's code."""
