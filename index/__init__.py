"""A library of recordings that can be searched by meaning and by sound.

Modules: `library` (SQLite, the truth), `vectors` (HNSW, a cache of it), `demo` (the library that ships),
`map` (the persisted two-dimensional map), `search` (query in, scored hits out).
"""
