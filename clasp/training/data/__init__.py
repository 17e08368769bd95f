"""Training data: corpora, readers, synthesised speech, shards."""
