"""Which language is spoken, in SQL: what was stated goes before what machines recognized in the recording."""

_RECOGNIZED = "(SELECT recognized_language FROM recordings WHERE recordings.id = segments.recording)"
LANGUAGE = f"CASE segments.language WHEN '' THEN {_RECOGNIZED} ELSE segments.language END"  # of segments

SHARE = 0.8  # of the seconds transcribed that are in one language where a recording is
SURE, SURE_LONG = -0.55, -0.9  # mean log probability below which the language of transcripts is doubtful
LONG = 30.0  # seconds of transcripts from which the latter holds

_SPOKEN = "FROM transcripts JOIN segments ON id = segment WHERE recording = recordings.id AND transcripts.text != ''"
_SECONDS = "sum(end_s - start_s)"
RECOGNIZE = (
    "UPDATE recordings SET recognized_language = coalesce(("
    f"SELECT transcripts.language {_SPOKEN} GROUP BY transcripts.language "
    f"HAVING {_SECONDS} >= {SHARE} * (SELECT {_SECONDS} {_SPOKEN}) AND sum(log_probability * (end_s - start_s)) "
    f">= {_SECONDS} * CASE WHEN {_SECONDS} < {LONG} THEN {SURE} ELSE {SURE_LONG} END), '') WHERE language = ''"
)
"""Has recordings in the language of their transcripts, if this is clear."""
