"""Training of the sentence encoder: vocabulary, pairs, tuning."""
