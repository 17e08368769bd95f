"""Vectors in memory and the indexes that find the nearest of them."""
