"""Training: corpora, synthesised speech, and what is learned from them. Never loaded by the app."""
