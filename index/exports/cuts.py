"""Edit decision lists (CMX 3600): the utterances one after the other, as a program that cuts film assembles them.

Frames are those of 25 a second, and timecodes begin anew after a day, as they do on film; each event says in a comment
what is said in it.
"""

from index.exports.clocks import FRAMES, timecode
from index.exports.transcript import RecordingTranscript

REEL = "AX"  # whatever has no number of a tape
SOUND, PICTURE = "A", "B"  # the first track of sound, alone or with the picture


def edl(transcript: RecordingTranscript) -> bytes:
    """An event for each utterance, a frame long at least."""
    lines = [f"TITLE: {transcript.title}", "FCM: NON-DROP FRAME"]
    cut = 0  # where the next event goes, in frames
    for number, one in enumerate(transcript.utterances, start=1):
        start, end = (round(time * FRAMES / 1_000) for time in (one.start, one.end))
        length = max(1, end - start)
        times = " ".join(map(timecode, (start, start + length, cut, cut + length)))
        lines += ["", f"{number:03}  {REEL:8} {PICTURE if transcript.is_film else SOUND:5} C        {times}"]
        lines += [f"* FROM CLIP NAME: {transcript.file}", f"* COMMENT: {one.labelled}"]
        cut += length
    return ("\r\n".join(lines) + "\r\n").encode()
