"""Who speaks in a segment, in SQL: who was given goes before who is guessed by the sound."""

GUESSES = "LEFT JOIN speaker_embeddings AS guesses ON guesses.segment = segments.id"
SPEAKER = "CASE segments.speaker WHEN '' THEN coalesce(guess, '') ELSE segments.speaker END"  # of segments with GUESSES
NAMED = (  # '' also of those whom nobody has named: "Speaker 1"
    f"CASE WHEN substr({SPEAKER}, 1, 8) = 'Speaker ' AND substr({SPEAKER}, 9, 1) BETWEEN '0' AND '9' "
    f"THEN '' ELSE {SPEAKER} END"
)
