"""Text: which language it is in."""
