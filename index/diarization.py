"""Who speaks in a library: guessed from the sound, and put right by a person.

    library.diarization.guess("interview", model.speaker_head)   # "Speaker 1", "Speaker 2", or somebody it knows
    before = library.diarization.rename("Speaker 1", "Ada")      # in all recordings; a name that is there: they are one
    library.diarization.assign([12, 13], "")                     # somebody else: "Speaker 3"
    library.diarization.restore(before)

A name that a person gives stands where names of tables and transcripts stand, and is never overwritten; a guess stands
beside it, and only counts where there is no such name.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from clasp.errors import DataError, LibraryError
from clasp.speech.speaker import SpeakerHead, unit
from clasp.speech.speaker_clusters import clusters
from index.indexed_database import IndexedDatabase
from index.metadata import line, plain_name
from index.records import SpeakerEmbeddings

NUMBERED = re.compile(r"Speaker (\d+)")  # what somebody is called whom nobody has named

Speakers = Mapping[int, tuple[str, str]]  # of segments, by id: who was given and who was guessed, '' for nobody


@dataclass(frozen=True)
class Speaker:
    """Somebody who speaks in a library."""

    name: str
    guessed: bool  # whether nobody has said so, not even in part
    utterances: int
    recordings: int
    seconds: float


class Diarization:
    """Who speaks in one library; its segments are given by id."""

    def __init__(self, indexed: IndexedDatabase) -> None:
        self._indexed = indexed
        self._database = indexed.database

    def speakers(self) -> list[Speaker]:
        """Everybody who speaks, in the order of names."""
        return [Speaker(*facts) for facts in self._database.speakers()]

    def named(self) -> dict[str, list[str]]:
        """Who is said to speak in each recording, by its id, whoever speaks first, first; guesses are left out, and so
        are recordings of which nothing is said."""
        found: dict[str, list[str]] = {}
        for recording, name in self._database.named_speakers():
            found.setdefault(recording, []).append(name)
        return found

    # Guessing

    def missing(self, head: SpeakerHead) -> dict[str, list[int]]:
        """The segments that have no embedding by this head, in the order of time, by recording; those whose speaker was
        given are among them, for that speaker may be in other recordings."""
        return self._database.without_speaker_embedding(head.checksum)

    def store(self, segments: Sequence[int], speakers: SpeakerEmbeddings) -> None:
        """Store who speaks in segments as a head has it; nothing is guessed yet."""
        with self._indexed.writing() as database:
            database.store_speaker_embeddings(segments, speakers)

    def unguessed(self) -> list[str]:
        """The recordings in which somebody speaks whom nobody has given or guessed."""
        return self._database.unguessed()

    def guess(self, recording: str, head: SpeakerHead) -> None:
        """Guess who speaks in the segments of a recording for which that is neither given nor guessed: somebody whom
        the library knows, or somebody new."""
        segments = [one for one in self._database.segments_of(recording) if not one.speaker]
        found = self._database.speaker_embeddings([one.id for one in segments], head.checksum)
        segments = [one for one in segments if one.id in found]
        if not segments:
            return
        embeddings = np.array([found[one.id] for one in segments], np.float32)
        labels = clusters(embeddings, np.array([one.end - one.start for one in segments]), head.cluster)
        centres = unit(np.array([embeddings[labels == label].mean(0) for label in range(labels.max() + 1)]))
        names = _matched(centres, self._known(head), head.match)
        new = self._unused()
        names = {label: names.get(label) or next(new) for label in range(len(centres))}
        guesses = {one.id: names[label] for one, label in zip(segments, labels.tolist(), strict=True)}
        with self._indexed.writing() as database:
            database.guess_speakers(guesses)
            self._indexed.follow(lambda before: before.spoken_by(guesses, database.version()))

    def _known(self, head: SpeakerHead) -> dict[str, np.ndarray]:
        """The mean embedding, float32 (dim,), of everybody who speaks in the library, by name."""
        rows = self._database.embeddings_by_speaker(head.checksum)
        if not rows:
            return {}
        names, starts = np.unique([name for name, _ in rows], return_index=True)  # in the order of the rows
        embeddings = np.frombuffer(b"".join(blob for _, blob in rows), "<f2").reshape(len(rows), -1)
        sums = np.add.reduceat(embeddings.astype(np.float32), starts)
        return dict(zip(names.tolist(), unit(sums), strict=True))

    def _unused(self) -> Iterator[str]:
        """Names of the form "Speaker 1" that nobody has."""
        taken = [int(match[1]) for one in self.speakers() if (match := NUMBERED.fullmatch(one.name))]
        number = max(taken, default=0)
        while True:
            number += 1
            yield f"Speaker {number}"

    # Putting right

    def rename(self, name: str, to: str) -> Speakers:
        """Give everything that somebody says, in all recordings, another name; that of somebody else makes one of two.

        Returns:
            How it was before, for `restore`.

        Raises:
            DataError: if the new name is empty or too long.
            LibraryError: if nobody has the name.
        """
        self._indexed.must_be_writable()
        segments = self._database.segments_by(name)
        if not segments:
            raise LibraryError(f"Nobody in this library is called {name!r}: see python -m clasp library speakers.")
        return self._give(segments, self._spelled(to, but=name))

    def assign(self, segments: Sequence[int], name: str) -> Speakers:
        """Say who speaks in some segments; '' is somebody new, who gets a number.

        Returns:
            How it was before, for `restore`.

        Raises:
            DataError: if the name is too long.
            LibraryError: if there is no such segment.
        """
        self._indexed.must_be_writable()
        return self._give(segments, self._spelled(name) if name.strip() else next(self._unused()))

    def restore(self, before: Speakers) -> None:
        """Take back what `rename` or `assign` did; segments that are gone are passed over."""
        there = self._database.speakers_of(list(before))
        self._write({number: before[number] for number in there})

    def _give(self, segments: Sequence[int], name: str) -> Speakers:
        before = self._database.speakers_of(segments)
        if gone := set(segments) - before.keys():
            raise LibraryError(f"There is no segment {min(gone)} in this library.")
        self._write({number: (name, guess) for number, (_, guess) in before.items()})
        return before

    def _write(self, speakers: Speakers) -> None:
        names = {number: given or guess for number, (given, guess) in speakers.items()}
        with self._indexed.writing() as database:
            database.set_speakers(speakers)
            self._indexed.follow(lambda before: before.spoken_by(names, database.version()))

    def _spelled(self, name: str, but: str = "") -> str:
        """A name on one line; as somebody's in the library, `but` one, if it differs from that in capitals at most."""
        name = line(name)
        if not name:
            raise DataError("A speaker needs a name: write one.")
        others = [one.name for one in self.speakers() if one.name != but]
        return next((one for one in others if plain_name(one) == plain_name(name)), name)


def _matched(centres: np.ndarray, known: dict[str, np.ndarray], least: float) -> dict[int, str]:
    """Names of clusters, whose mean embeddings are the unit rows (n, dim), by number: each known speaker is one cluster
    at most, the one nearest to it first; none below a cosine."""
    if not known:
        return {}
    names, cosines = list(known), centres @ np.stack(list(known.values())).T  # (n, known)
    matched: dict[int, str] = {}
    while cosines.max() >= least:
        label, column = np.unravel_index(cosines.argmax(), cosines.shape)
        matched[int(label)] = names[column]
        cosines[label], cosines[:, column] = -np.inf, -np.inf
    return matched
