"""Whisper, the backbone that hears: its weights, its encoder's features, its transcripts."""
