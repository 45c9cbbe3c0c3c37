"""An index over HTTP: documents come as JSON, and answers are those of `dedup.Index`.

`limits` (what a request may ask for), `bodies` (JSON to documents and back), `work` (threads that
read, and the one that writes), `openapi` (the description and its page), `app` (Starlette) and
`server` (uvicorn). What `add` was answered for is on the disk.
"""
