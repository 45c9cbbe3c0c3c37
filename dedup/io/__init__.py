"""Sources and writers: files in many formats, read as Arrow batches, rewritten record by record.

- ``inputs``: arguments -> `InputFile`s in input order; light, imports neither numpy nor pyarrow.
- ``base``: the nouns (`Columns`, `Part`, `Batch`, `Problem`) and the `Format` protocol.
- ``formats``: the one table of formats; `FORMATS[name]` loads a format when it is first used.
- ``parquet``, ``arrow``, ``jsonl``, ``csv``, ``text``, ``warc``: one format each.
- ``pages``, ``wacz``, ``revisits``: what the records of web archives are, and where they lie.
- ``records``: digests, by which a copy is made of the records that were read, or not at all.
- ``filtered``: ``--kept``, ``--removed`` and ``--annotated``, over all files of a run.
"""
