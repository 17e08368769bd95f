"""Recordings into a library: found, read with what lies beside them, cut, embedded, stored, transcribed."""
