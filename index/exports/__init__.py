"""What is said, and what was found, as files that other programs read."""
