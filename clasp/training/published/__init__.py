"""Training of the published architecture."""
