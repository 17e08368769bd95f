"""A library of recordings that can be searched by meaning and by sound.

Modules: `library` (recordings in, hits out), on `database` and `schema` (SQLite, the truth) and `vectors` (HNSW,
a cache of it); `demo` (the library that ships); `map` (where its utterances lie), which `fit` makes with
`layout`, `regions` and `measures`, `fitting` in another process, and a page fetches as `points`; `search` (a query in,
an answer with probabilities out) and `command` (the same on the command line); `files` (whole or not at all).
"""
