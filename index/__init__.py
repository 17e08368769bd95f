"""A library of recordings that can be searched by meaning and by sound.

Modules: `library` (recordings in, hits out), on `database` and `schema` (SQLite, the truth) and `vectors` (the search
index, a cache of it: `hnsw` for small libraries, `scan` for large ones); what is in memory: `contents` and `snapshot`;
`demo` (the library that ships); `map` (its persisted two-dimensional map); `search` (a query in, an answer with
probabilities out) and `command` (the same on the command line); `files` (whole or not at all).
"""
