"""The map of a library."""
