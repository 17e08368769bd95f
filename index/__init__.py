"""A library of recordings that can be searched by meaning and by sound.

Modules: `library` (recordings in, hits out), on `database`, `records` and `schema` (SQLite, the truth) and `vectors`
(the search index, a cache of it: `hnsw` for small libraries, `scan` for large ones); what is in memory: `current`, a
`snapshot` of `contents`; `demo` (the library that ships); `search` (a query in, an answer with probabilities out),
`live` (while somebody speaks, `turns` of many), `command` and `listen` (the same on the command line); `map` (where
the utterances lie), which `fit` makes with `layout`, `regions` and `measures`, `fitting` in another process, and a
page fetches as `points`; `files` (whole or not at all).
"""
