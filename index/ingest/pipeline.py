"""Recordings into a library: found, decoded in a stream, cut into utterances, embedded, stored, transcribed.

    ingestor = Ingestor(library, model)
    for progress in ingestor.add([Path("interviews")]):
        print(progress.done, progress.total, progress.current, progress.seconds)
    for progress in ingestor.transcribe(Transcriber.load()):
        print(progress.done, progress.total, progress.current)

What is known by its content is passed over. A long recording is stored minute by minute: whoever stops iterating, or is
stopped, loses no more than that, and the next run goes on from there. A file that cannot be read is named in the
progress and leaves nothing behind; of one that breaks off, what is before the break is kept, until the file is another.
The others go on.

Recordings can be searched as soon as they are added; transcribing makes them found better a little later. Every batch
of windows is stored as it is done, and what lacks a transcript is found in the database: any process can go on.
"""

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from clasp.audio.decode import Waveform
from clasp.audio.vad import Utterance
from clasp.errors import AudioError, DataError
from clasp.filenames import readable
from clasp.phones.alignment import pack
from clasp.speech.languages import LanguageTally
from clasp.speech.transcript import Transcript
from index.ingest.cluster import Cluster
from index.ingest.encoded_file import (
    BATCH,
    SHORTEST,
    EncodedBatch,
    EncodedFile,
    KnownFiles,
    Start,
    encode_file,
    speaker_embeddings,
)
from index.ingest.files import content_checksum, continues, copied, file_size
from index.ingest.lengths import Lengths
from index.ingest.objects import Mirror
from index.ingest.prefetch import prefetch
from index.ingest.segment_audio import segment_waveforms
from index.ingest.sidecars import Sidecar, SidecarIndex
from index.ingest.transcript_alignment import speaker_changes, transcribed
from index.ingest.turns import parts
from index.ingest.walk import find_files
from index.library import OBJECTS, Library
from index.metadata import FACTS, checked
from index.model import SpeechEncoder, Transcriber
from index.progress import AddProgress, Progress, TranscribeProgress, timed
from index.records import Recording, Segment
from index.transcripts import FUSED_AT_ONCE

WAITING = 64  # utterances that may wait for the transcriber


class Ingestor:
    """Adds recordings to a library and transcribes what is in it."""

    def __init__(
        self,
        library: Library,
        model: SpeechEncoder,
        *,
        copy: bool = False,
        language: str = "",
        track: int = 0,
        cluster: Cluster | None = None,
    ) -> None:
        """Add to `library`, embedding with `model`.

        Args:
            copy: put files into the library; otherwise they stay where they are, and so do their paths. What comes from
                object storage is in the library's folder in any case.
            language: what is spoken, where no metadata says otherwise.
            track: number of the sound track of each file that is added, from 1; 0: the default one, or where that is
                silent the first that is not.
            cluster: encodes files on other machines; they are stored in the order in which they come back.

        Raises:
            DataError: if `language` is none.
        """
        self.library, self.model = library, model
        self.copy, self.track, self.cluster = copy, track, cluster
        self.language = checked({"language": language})["language"]

    @timed
    def add(self, paths: Sequence[Path | str]) -> Generator[AddProgress, None, None]:
        """Add recordings, given as files and folders, or as addresses of object storage; yields how far it has come.

        Raises:
            LibraryError: if the library cannot be written (is the disk full?); what was stored before stays.
            DataError: if there is no recording in any of the paths.
            ClaspError: if what reads the addresses is not installed.
        """
        found = find_files(paths)
        mirror = Mirror(self.library.folder.absolute() / OBJECTS, found.objects, found.texts)
        sidecars = SidecarIndex((*found.files, *mirror.objects), (*found.folders, *mirror.folders))
        sizes = {file: file_size(file) for file in found.files}
        sizes |= {file: one.size for file, one in mirror.objects.items()}
        progress = AddProgress(len(sizes), bytes=sum(sizes.values()), failed=found.failed, skipped=found.skipped)
        try:
            with Lengths(list(sizes)) as lengths:
                for file, encode in self._encoded(list(sizes), mirror):
                    before = replace(progress, current=readable(file.name), file_seconds=0.0, length=lengths.total)
                    yield before
                    try:
                        for progress in self._add_file(file, encode, sizes[file], sidecars, before):
                            yield replace(progress, length=lengths.total)
                    except (AudioError, DataError, OSError, ValueError) as error:
                        reason = str(error) if not isinstance(error, OSError) else f"{error.strerror or error}"
                        name: Path | str = mirror.objects[file].address if file in mirror.objects else file
                        progress = replace(before, failed=(*before.failed, (name, reason)))
                    remarks = [one.encode("utf-8", "replace").decode() for one in (*mirror.remarks, *sidecars.remarks)]
                    progress = replace(
                        progress, done=before.done + 1, bytes_done=before.bytes_done + sizes[file],
                        length_done=before.length_done + lengths.passed(file), remarks=tuple(dict.fromkeys(remarks)),
                    )  # fmt: skip
                    yield replace(progress, length=lengths.total)
        except GeneratorExit:  # stopped
            self.library.store_index()
            raise
        self.library.store_index()
        yield replace(progress, current="", finished=True)

    def _encoded(self, files: Sequence[Path], mirror: Mirror) -> Iterator[tuple[Path, Callable[[], EncodedFile]]]:
        """Each file with what encodes it: here one after the other, or, in any order, what the cluster has encoded. The
        cluster is not given what was fetched earlier, which is here and most likely known."""
        here = {file for file in files if self.cluster is None or mirror.has(file)}
        for file in filter(here.__contains__, files):
            yield file, partial(self._encode, file, mirror)
        if self.cluster is not None:
            elsewhere = [file for file in files if file not in here]
            for file, outcome in self.cluster.encoded(elsewhere, self._known(), mirror.objects):
                yield file, partial(self._received, file, outcome, mirror)

    def _encode(self, file: Path, mirror: Mirror) -> EncodedFile:
        """Encode a file here, and fetch it before if it is in object storage."""
        mirror.fetch(file)
        return encode_file(self.model, file, partial(self._start, file))

    def _received(self, file: Path, outcome: Callable[[], EncodedFile], mirror: Mirror) -> EncodedFile:
        """What the cluster has made of a file, which is fetched, too, if it is in object storage: its sound is to be
        heard here.

        Raises:
            AudioError: if it could not be encoded or fetched, or is no longer what was encoded.
        """
        encoded = outcome()
        if file in mirror.objects:
            mirror.fetch(file)
            if content_checksum(file) != encoded.digest:
                raise AudioError(f"{readable(file.name)} changed while it was read: add it again.")
        return encoded

    def _start(self, file: Path, digest: str) -> Start | None:
        """Where encoding a file begins; None where the library has all of it."""
        recording = self._identify(file, digest)
        if recording is None:
            return Start(self.track)
        position = self.library.position(recording.id)
        return None if recording.done and position > 0 else Start(recording.track, position)

    def _known(self) -> KnownFiles:
        """The files that the library has, or the beginning of them."""
        counts = self.library.counts()
        recordings = [one for one in self.library.recordings() if one.id in counts and self.track in (0, one.track)]
        whole = np.sort(np.array([one.sha256 for one in recordings if one.done], "S64"))
        begun = {one.sha256: Start(one.track, self.library.position(one.id)) for one in recordings if not one.done}
        return KnownFiles(whole, begun, self.track)

    def _add_file(
        self, file: Path, encode: Callable[[], EncodedFile], size: int, sidecars: SidecarIndex, before: AddProgress
    ) -> Iterator[AddProgress]:
        """Identify a file, and add what the library lacks of it; the last progress is the one after it."""
        encoded = encode()
        recording = self._identify(file, encoded.digest)
        position = self.library.position(recording.id) if recording else 0.0  # seconds that are stored already
        if recording is not None and recording.done and position > 0:
            sidecar = sidecars.of(file, recording.language or self.language)
            updated = self._update(recording, sidecar, file, sidecars.remarks)
            yield replace(before, existing=before.existing + 1, updated=before.updated + updated)
            return
        if encoded.start is None or encoded.start.position != position:
            raise DataError(f"What the library has of {readable(file.name)} was changed meanwhile: add it again.")

        earlier, new = self._earlier_versions(file, encoded.digest), recording is None
        languages = [one.language for one in (earlier if recording is None else [recording]) if one.language]
        sidecar = sidecars.of(file, languages[-1] if languages else self.language)
        if recording is None:
            recording = self._new_recording(file, encoded.digest, encoded.start.track, sidecar, earlier)

        progress, ending = before, None
        try:
            for batch in encoded.batches:
                self._store(recording, batch, new=new)
                new, ending = False, batch.ending
                progress = replace(
                    progress, segments=progress.segments + len(batch.spans),
                    file_seconds=batch.spans[-1][1] if batch.spans else batch.seconds,
                    seconds=before.seconds + batch.seconds - position,
                    bytes_done=before.bytes_done + batch.share * size,
                    length_done=before.length_done + (batch.spans[-1][1] if batch.spans else batch.seconds),
                )  # fmt: skip
                yield progress
        except BaseException as error:
            if new and self.copy:
                (self.library.folder / recording.path).unlink(missing_ok=True)
            elif not new and isinstance(error, AudioError | OSError):
                self.library.remove(recording.id)
            raise

        assert ending is not None, "the last batch has it"
        self.library.finish(recording.id, ending.duration, ending.loudness, ending.flaw)
        self._update(recording, sidecar, file, sidecars.remarks)
        if (head := self.model.speaker_head) is not None:
            self.library.diarization.guess(recording.id, head)
        if sidecar.cues and sidecar.cues[0].start >= ending.duration:
            sidecars.remarks.append(
                f"The transcript of {readable(file.name)} begins at {sidecar.cues[0].start:.0f} s, after the recording "
                f"ends ({ending.duration:.0f} s): its times must count from the beginning of the recording."
            )
        for one in earlier:
            self.library.corrections.carry(one.id, recording.id)
            self.library.notes.carry(one.id, recording.id)
        if earlier:
            self.library.remove(*(one.id for one in earlier))
        silent = position == 0 and progress.segments == before.segments
        yield replace(
            progress, added=before.added + (not silent), silent=(*before.silent, file) if silent else before.silent,
            partial=(*before.partial, (file, ending.flaw)) if ending.flaw else before.partial,
        )  # fmt: skip

    def _identify(self, file: Path, digest: str) -> Recording | None:
        """The recording that the library has of a file, as stated, also if it was moved; None if there is none, or only
        one of another sound track than is wanted, which is taken out."""
        binned = self.library.bin.of(digest)
        if binned is not None:
            self.library.bin.restore(binned)
        recording = self.library.recording_of(digest)
        if recording is not None and self.track not in (0, recording.track):
            self.library.remove(recording.id)
            return None
        if recording is not None and recording.path != file and not recording.path.is_file():
            self.library.edit(recording.id, path=str(file))
        return recording and recording.as_stated

    def _earlier_versions(self, file: Path, digest: str) -> list[Recording]:
        """The recordings that were made of a file before it became what it is now, as stated: from the same place,
        or of a part of it."""
        at_path = [one for one in self.library.recordings_at(file) if one.sha256 not in ("", digest)]
        flawed = [one for one in self.library.flawed() if one.sha256 != digest]
        return [one.as_stated for one in (*at_path, *(one for one in flawed if continues(file, one.path)))]

    def _new_recording(
        self, file: Path, digest: str, track: int, sidecar: Sidecar, earlier: list[Recording]
    ) -> Recording:
        """What is known of a file before it is decoded; copied into the library if that is wanted."""
        facts: dict[str, Any] = {"title": _title(file), "language": self.language or sidecar.language}
        news = sidecar.facts
        for one in earlier:  # what was known of it stays known, unless a table says something new
            facts |= {name: value for name in FACTS if (value := getattr(one, name))}
            news = _new_facts(one, news, file)
        path = self.library.stored_path(file)
        if self.copy and path.is_absolute():
            path = copied(file, digest, self.library.folder)
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return Recording(
            digest[:16], path, duration=SHORTEST, text=sidecar.text, added=now, sha256=digest, track=track,
            sidecar=replace(sidecar, cues=(), turns=()).summary(), done=False, **facts | news,
        )  # fmt: skip

    def _store(self, recording: Recording, batch: EncodedBatch, *, new: bool) -> None:
        """Commit utterances; the recording, too, if it is new."""
        if not batch.spans and not new:
            return
        facts: dict[str, Any] = {name: getattr(recording, name) for name in ("language", "speaker", "category")}
        segments = [Segment(0, recording.id, *span, **facts) for span in batch.spans]
        recordings = [replace(recording, duration=segments[-1].end if segments else SHORTEST)] if new else []
        self.library.add(recordings, segments, batch.vectors, batch.phones, batch.speakers)

    def _update(self, recording: Recording, sidecar: Sidecar, file: Path, remarks: list[str]) -> bool:
        """Take up a transcript or facts that were put beside a recording, or changed, since it was added. What was
        edited in the library stays, unless a table says something new. Returns whether there was anything."""
        summary = sidecar.summary(recording.sidecar)
        if summary == recording.sidecar:
            return False
        before, facts = json.loads(recording.sidecar or "{}"), _new_facts(recording, sidecar.facts, file)
        if sidecar.language and not recording.language:
            facts = {"language": sidecar.language} | facts
        facts = {name: value for name, value in facts.items() if value != getattr(recording, name)}
        new = bool(sidecar.text) and json.loads(summary)["transcript"] != before.get("transcript", "")
        stored = self.library.segments_of(recording.id)
        segments: list[Segment] = []
        if new or (sidecar.cues and "speaker" in facts):
            named = facts.get("speaker", recording.speaker)
            language = facts.get("language") or recording.language or self.model.language_of(sidecar.text)
            if new:
                stored = self._cut(recording, sidecar, stored, language)
            segments, recognized = transcribed(stored, sidecar, self.library.phones(stored), language)
            if recognized and not recording.language:
                facts = {"language": language} | facts
            if len(stored) > 1 and sidecar.turns and not recognized:
                remarks.append(
                    f"The transcript of {readable(file.name)} has no times, and what is said was not recognized in it: "
                    "it is kept as a text. Check that it belongs to the recording, and in which language."
                )
            segments = [
                replace(one, speaker=one.speaker or named or ("" if old.speaker_guessed else old.speaker))
                for one, old in zip(segments, stored, strict=True)
            ]
            if not before.get("transcript"):  # where the transcript has nothing, what was known stays
                segments = [replace(one, text=one.text or old.text) for one, old in zip(segments, stored, strict=True)]
        self.library.apply_sidecar(recording.id, facts, segments, sidecar.text if new else None, summary)
        return new or bool(facts)

    def _cut(self, recording: Recording, sidecar: Sidecar, stored: list[Segment], language: str) -> list[Segment]:
        """The segments of a recording once those are cut in which, as a transcript has it, somebody else goes on
        speaking; what a person has corrected stays. Only the parts are encoded anew, and stored some at a time: where
        it is stopped, it goes on the next time."""
        changes = speaker_changes(stored, sidecar, self.library.phones(stored), language)
        cut = [(one, times) for one, times in zip(stored, changes, strict=True) if times and one.corrected is None]
        if not cut:
            return stored
        spans = [(one.start, one.end) for one, _ in cut]
        sound = segment_waveforms(self.library.recording(recording.id).path, recording.sha256, recording.track, spans)
        with closing(sound) as waveforms, suppress(AudioError):  # then they stay as they are
            for first in range(0, len(cut), BATCH):
                self._replace_by_parts(cut[first : first + BATCH], waveforms)
        return self.library.segments_of(recording.id)

    def _replace_by_parts(self, cut: list[tuple[Segment, list[float]]], waveforms: Iterator[Waveform]) -> None:
        """Put the parts of some segments, cut at about such times, in their place."""
        replaced: list[Segment] = []
        segments: list[Segment] = []
        sounds: list[Waveform] = []
        for (one, times), waveform in zip(cut, waveforms, strict=False):
            found = parts(Utterance(one.start, one.end, waveform), times)
            if len(found) > 1:
                replaced.append(one)
                given = "" if one.speaker_guessed else one.speaker
                segments += [
                    replace(one, id=0, start=part.start, end=part.end, text="", speaker=given) for part in found
                ]
                sounds += [part.waveform for part in found]
        if replaced:
            output = self.model.encode_speech(sounds, return_phones=True)
            phones, speakers = [pack(one) for one in output.phones], speaker_embeddings(self.model, output.speakers)
            self.library.replace(replaced, segments, output.vectors, phones, speakers)

    @timed
    def diarize(self) -> Generator[Progress, None, None]:
        """Guess who speaks where nobody has said so, in what was added before that was known, too; yields how far it
        has come. Only what tells speakers apart is encoded again.

        Raises:
            LibraryError: if the library cannot be written; what was stored stays.
        """
        head, diarization = self.model.speaker_head, self.library.diarization
        if head is None:
            yield Progress(0, finished=True)
            return
        missing = diarization.missing(head)
        progress = Progress(sum(map(len, missing.values())))
        for name, ids in missing.items():
            segments = sorted(self.library.segments(ids), key=lambda one: (one.start, one.end))
            if segments:
                recording = self.library.recording(name)
                progress = replace(progress, current=recording.title)
                yield progress
                try:
                    self._encode_speakers(recording, segments)
                except (AudioError, OSError) as error:
                    progress = replace(progress, failed=(*progress.failed, (recording.title, str(error))))
            progress = replace(
                progress, done=progress.done + len(ids),
                seconds=progress.seconds + sum(one.end - one.start for one in segments),
            )  # fmt: skip
            yield progress
        for name in diarization.unguessed():
            diarization.guess(name, head)
        yield replace(progress, current="", finished=True)

    def _encode_speakers(self, recording: Recording, segments: list[Segment]) -> None:
        """Store who speaks in some segments of a recording, in the order of time."""
        spans = [(one.start, one.end) for one in segments]
        with closing(segment_waveforms(recording.path, recording.sha256, recording.track, spans)) as waveforms:
            for first in range(0, len(segments), BATCH):
                ids = [one.id for one in segments[first : first + BATCH]]
                speakers = speaker_embeddings(self.model, self.model.encode_speakers([next(waveforms) for _ in ids]))
                if speakers is not None:
                    self.library.diarization.store(ids, speakers)

    @timed
    def transcribe(
        self, transcriber: Transcriber | None, *, redo: bool = False
    ) -> Generator[TranscribeProgress, None, None]:
        """Transcribe what has no transcript, then take all transcripts into the vectors, also those that came with
        recordings; yields how far it has come.

        The language is what the recording is said to be in; where nothing is said, what is detected.

        Args:
            transcriber: None only takes in the transcripts that there are.
            redo: also transcribe again what a machine has transcribed; never what came with a recording.

        Raises:
            LibraryError: if the library cannot be written; what was stored stays.
            ClaspError: if the memory does not suffice.
        """
        if redo and transcriber is not None:
            self.library.transcripts.outdate()
        missing = self.library.transcripts.missing() if transcriber is not None else {}
        progress = TranscribeProgress(sum(map(len, missing.values())))
        progress = yield from self._fuse(progress)
        fused = 0  # of those done
        for ids in missing.values():
            segments = sorted(self.library.segments(ids), key=lambda one: (one.start, one.end))
            progress = replace(progress, done=progress.done + len(ids) - len(segments))  # some may have been removed
            if segments and transcriber is not None:
                progress = yield from self._transcribe_segments(transcriber, segments, progress)
            if progress.done - fused >= FUSED_AT_ONCE:
                fused = progress.done
                progress = yield from self._fuse(progress)
        progress = yield from self._fuse(progress)
        self.library.store_index()
        yield replace(progress, current="", finished=True)

    def _transcribe_segments(
        self, transcriber: Transcriber, segments: list[Segment], progress: TranscribeProgress
    ) -> Generator[TranscribeProgress, None, TranscribeProgress]:
        """Transcribe some segments of a recording, in the order of time."""
        recording = self.library.recording(segments[0].recording)
        progress = replace(progress, current=recording.title)
        yield progress
        tally = LanguageTally(self.library.transcripts.language_seconds(recording.id))
        spans = [(one.start, one.end) for one in segments]
        sound = segment_waveforms(recording.path, recording.sha256, recording.track, spans)
        try:
            with closing(prefetch(sound, WAITING)) as waveforms:
                for first, batch in _windows(waveforms, transcriber):
                    transcripts = transcriber.transcribe(batch, recording.as_stated.language, tally)
                    done = segments[first : first + len(batch)]
                    shifted = [_shifted(one, segment.start) for one, segment in zip(transcripts, done, strict=True)]
                    self.library.transcripts.store([one.id for one in done], shifted, transcriber.name)
                    progress = replace(
                        progress, done=progress.done + len(done),
                        transcribed=progress.transcribed + sum(bool(one.text) for one in transcripts),
                        seconds=progress.seconds + sum(one.duration for one in batch),
                    )  # fmt: skip
                    yield progress
        except (AudioError, OSError) as error:
            progress = replace(progress, failed=(*progress.failed, (recording.title, str(error))))
            yield progress
        return progress

    def _fuse(self, progress: TranscribeProgress) -> Generator[TranscribeProgress, None, TranscribeProgress]:
        """Take into the vectors the transcripts that there are."""
        before = progress.fused
        for count in self.library.transcripts.fuse(self.model):
            progress = replace(progress, current="", fused=before + count)
            yield progress
        return progress


def _windows(waveforms: Iterator[Waveform], transcriber: Transcriber) -> Iterator[tuple[int, list[Waveform]]]:
    """As many waveforms as a transcriber takes together, and the number of the first."""
    first, waiting = 0, []
    for waveform in waveforms:
        waiting.append(waveform)
        count = transcriber.together([one.duration for one in waiting])
        if count < len(waiting):
            yield first, waiting[:count]
            first, waiting = first + count, waiting[count:]
    if waiting:
        yield first, waiting


def _new_facts(recording: Recording, facts: dict[str, str], file: Path) -> dict[str, str]:
    """Of the facts that lie beside a file, those that did not when the recording was made of it."""
    if recording.sidecar:
        before = json.loads(recording.sidecar)["facts"]
        return {name: value for name, value in facts.items() if value != before.get(name)}
    unset = {"title": _title(file)}  # it was added when nobody noted what lay beside it: what is known since then stays
    return {name: value for name, value in facts.items() if getattr(recording, name) == unset.get(name, "")}


def _title(file: Path) -> str:
    return " ".join(readable(file.stem).split()) or readable(file.name)


def _shifted(transcript: Transcript, seconds: float) -> Transcript:
    """A transcript whose word times count from an earlier moment."""
    words = (replace(word, start=word.start + seconds, end=word.end + seconds) for word in transcript.words)
    return replace(transcript, words=tuple(words))
