from contextlib import closing
from pathlib import Path

from index.store.database import Database
from index.store.schema import DATABASE_FILE, MIGRATIONS, connect, migrate, version


def test_what_was_known_under_other_names_is_known_still(tmp_path: Path) -> None:
    """Of columns that are called speaker, sidecar and packed now."""
    with closing(connect(tmp_path / DATABASE_FILE)) as old:
        migrate(old, 7)
        assert version(old) == 7 < len(MIGRATIONS)
        old.execute("INSERT INTO library VALUES (1, 'm', 4, 0, 'first')")
        old.execute(
            "INSERT INTO recordings (id, path, title, duration, language, voice, category, text, beside, track) "
            "VALUES ('a', '/a.wav', 'A', 2.0, 'en', 'Ada', '', '', '{}', 2)"
        )
        old.execute("INSERT INTO segments VALUES (1, 'a', 0, 2, '', 'en', 'Ada', '')")
        old.execute("INSERT INTO phones VALUES (1, zeroblob(16))")
    with closing(Database(tmp_path)) as database:
        recording = database.recording("a")
        assert (recording.speaker, recording.sidecar, recording.track, recording.tags) == ("Ada", "{}", 2, "")
        assert database.segments([1])[1].speaker == "Ada" and database.phones([1])[1].any() == 0


def test_the_language_of_transcripts_is_that_of_an_older_library(tmp_path: Path) -> None:
    before = next(n for n, statements in enumerate(MIGRATIONS) if "recognized_language" in statements[0])
    with closing(connect(tmp_path / DATABASE_FILE)) as old:
        migrate(old, before)
        old.execute("INSERT INTO library VALUES (1, 'm', 4, 0, 'first')")
        for name, language in (("a", ""), ("b", "nl")):
            old.execute(
                "INSERT INTO recordings (id, path, title, duration, language, speaker, category, text) "
                f"VALUES ('{name}', '/{name}.wav', 'Fog', 4.0, '{language}', '', '', '')"
            )
            old.execute(f"INSERT INTO segments (recording, start_s, end_s, text, language, speaker, category) "
                        f"VALUES ('{name}', 1, 2, '', '{language}', '', '')")  # fmt: skip
        old.execute("INSERT INTO transcripts SELECT id, 'Nebel', 'de', '[]', -0.2, 1, 0, 'base', 0 FROM segments")
    with closing(Database(tmp_path)) as database:
        known = [(one.language, one.language_recognized) for one in database.recordings()]
        assert known == [("de", True), ("nl", False)]


def test_those_who_are_guessed_are_found_by_name_in_an_older_library(tmp_path: Path) -> None:
    before = next(n for n, statements in enumerate(MIGRATIONS) if "COLUMN tags" in statements[0])
    with closing(connect(tmp_path / DATABASE_FILE)) as old:
        migrate(old, before)
        old.execute("INSERT INTO library VALUES (1, 'm', 4, 0, 'first')")
        old.execute(
            "INSERT INTO recordings (id, path, title, duration, language, speaker, category, text) "
            "VALUES ('a', '/a.wav', 'Fog', 4.0, 'en', '', '', '')"
        )
        for number, guess in enumerate(["Eve", "Speaker 1"], start=1):
            old.execute(f"INSERT INTO segments VALUES ({number}, 'a', {number}, {number + 1}, '', 'en', '', '')")
            old.execute(f"INSERT INTO speaker_embeddings VALUES ({number}, 'h', zeroblob(8), '{guess}')")
            old.execute(f"INSERT INTO full_text (rowid, words, names, phones) VALUES ({number}, '', 'fog', '')")
    with closing(Database(tmp_path)) as database:
        assert database.searched_words([1, 2]) == {1: {"fog", "eve"}, 2: {"fog"}}
