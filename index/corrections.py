"""What a person has corrected in the transcripts of a library.

    library.corrections.store(17, "Where is the ferry?", before="Where is the ferrie?")
    library.corrections.take_back(17, before="Where is the ferry?")

A correction goes before every other transcript, and no recognizer and no file beside the recording takes its place. It
is searched by its words at once, and by its meaning once `library.transcripts.fuse` has taken it into the vector.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher

from clasp.errors import LibraryError
from clasp.speech.transcript import Word
from clasp.text.words import tokens, words
from index.indexed_database import IndexedDatabase
from index.metadata import line
from index.records import Segment

LONGEST = 10_000  # characters of a correction


class ChangedMeanwhileError(LibraryError):
    """A transcript that is no longer what was corrected."""


class LibraryCorrections:
    """Corrections in one library; its segments are given by id."""

    def __init__(self, indexed: IndexedDatabase) -> None:
        self._indexed = indexed

    def store(self, segment: int, text: str, *, before: str) -> Segment:
        """Correct the transcript of a segment; '' says that nothing is spoken. Words that stay keep their times.

        Args:
            before: the transcript that was corrected.

        Returns:
            The segment as it is now.

        Raises:
            ChangedMeanwhileError: if the transcript is another one by now; it stays then.
            DataError: if the text is too long.
            LibraryError: if there is no such segment, or the library is for searching only.
        """
        return self._change(segment, line(text, LONGEST), before)

    def take_back(self, segment: int, *, before: str) -> Segment:
        """Return to the transcript that was there before the correction; otherwise like `store`."""
        return self._change(segment, None, before)

    def carry(self, earlier: str, later: str) -> None:
        """Take the corrections of a recording over to another one, made of a later version of the same file: those of
        segments that begin and end at the same time in both."""
        with self._indexed.writing() as database:
            database.carry_corrections(earlier, later)

    def _change(self, segment: int, text: str | None, before: str) -> Segment:
        with self._indexed.writing() as database:
            known = database.words([segment]).get(segment, ())
            if not database.correct(segment, text, retimed(known, text or ""), before):
                if segment not in database.segments([segment]):
                    raise LibraryError("This utterance is no longer in the library: reload the page.")
                raise ChangedMeanwhileError("The transcript was changed meanwhile: look at it before you save yours.")
            return database.segments([segment])[segment]


def retimed(known: Sequence[Word], text: str) -> tuple[Word, ...]:
    """The words of a corrected text: those that stay keep their times, the others share the time between these.

    Args:
        known: the words of the text before; where their times are unknown, no others are known either.
    """
    if not known:
        return ()
    owners = [(token, word) for word in known for token in tokens(word.text)]
    new = tokens(text)
    found: list[Word] = []
    last: Word | None = None  # the word of before that the last one found is of
    alike = SequenceMatcher(None, [_key(token) for token, _ in owners], [_key(token) for token in new], autojunk=False)
    for kind, old_from, old_to, new_from, new_to in alike.get_opcodes():
        if kind == "equal":
            for (_, word), token in zip(owners[old_from:old_to], new[new_from:new_to], strict=True):
                if word is last:  # its letters are tokens of their own
                    found[-1] = Word(found[-1].text + token, word.start, word.end, 1.0)
                else:
                    found.append(Word(token, word.start, word.end, 1.0))
                last = word
            continue
        if old_from < old_to:
            start, end = owners[old_from][1].start, owners[old_to - 1][1].end
        else:
            start = owners[old_from - 1][1].end if old_from else known[0].start
            end = owners[old_from][1].start if old_from < len(owners) else known[-1].end
        step = max(0.0, end - start) / max(1, new_to - new_from)
        for place, token in enumerate(new[new_from:new_to]):
            found.append(Word(token, start + step * place, start + step * (place + 1), 1.0))
        last = None
    return tuple(found)


def _key(token: str) -> tuple[str, ...]:
    """What is compared of a word: neither its case nor the signs around it."""
    return tuple(words(token)) or (token,)
