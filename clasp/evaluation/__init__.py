"""Evaluation: what a model finds on held-out sets, how sure it is, and how fast. Never loaded by the app."""
