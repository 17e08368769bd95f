"""Sound: files decoded, mixed to one channel, cut into utterances by voice activity, drawn."""
