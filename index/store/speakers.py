"""Who speaks in a segment, in SQL: who was given goes before who is guessed by the sound."""

GUESSES = "LEFT JOIN speaker_embeddings AS guesses ON guesses.segment = segments.id"
SPEAKER = "CASE segments.speaker WHEN '' THEN ifnull(guess, '') ELSE segments.speaker END"  # of segments with GUESSES
NAMED = f"iif({SPEAKER} GLOB 'Speaker [0-9]*', '', {SPEAKER})"  # '' also of those whom nobody has named
