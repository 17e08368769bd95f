"""Speech encoders, their backbones, and transcripts."""
