"""Search while somebody speaks."""
