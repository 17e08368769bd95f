"""Speed, memory and index quality, measured on this machine. Never loaded by the app."""
