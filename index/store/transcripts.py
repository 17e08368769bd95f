"""Which of its transcripts a segment has, in SQL: a person's correction goes before what came with the recording, and
that before a machine's."""

SEGMENTS = (
    "segments LEFT JOIN transcripts ON transcripts.segment = segments.id "
    "LEFT JOIN corrections ON corrections.segment = segments.id"
)
TRANSCRIPT = "coalesce(corrections.text, nullif(segments.text, ''), transcripts.text, '')"  # of a row of SEGMENTS
