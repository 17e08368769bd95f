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
