"""Phones: their inventory, who recognizes them in speech, and the vectors made of them."""
