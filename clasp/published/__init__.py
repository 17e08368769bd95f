"""The published CLASP: the authors' checkpoint, read safely and run as they ran it."""
