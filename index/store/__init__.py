"""The database of a library, and what is done to it as a whole."""
