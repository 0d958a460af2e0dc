"""A server of files on this machine, for tests of inputs that lie elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


@dataclass
class Server:
    """What the server has and does.

    Attributes
    ----------
    folder : Path
        Its files.
    address : str
        http://127.0.0.1:PORT
    refuse : dict of str to int
        Path -> status in place of the file.
    cut : dict of str to int
        Path -> bytes after which the answer ends.
    silent : set of str
        Paths for which nothing comes for some seconds.
    plain : bool
        Neither ETag nor date are told.
    asked : list of tuple
        Method and path of every request.
    """

    folder: Path
    address: str = ""
    refuse: dict[str, int] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    plain: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)

    def got(self, path: str) -> int:
        """How often the bytes of a file were asked for."""
        return self.asked.count(("GET", path))


class _Handler(BaseHTTPRequestHandler):
    server: Any
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Print nothing."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        it: Server = self.server.it
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        it.asked.append(("GET" if body else "HEAD", path))
        if path in it.silent:
            time.sleep(1.5)
            self.close_connection = True
            return
        if path in it.refuse:
            self._send(it.refuse[path], b"no", body)
            return
        file = it.folder / path.lstrip("/")
        query = parse_qs(parts.query)
        if "list-type" in query:
            self._send(200, _listed(it.folder, path.strip("/"), query), body)
        elif file.is_file():
            self._send_file(file, path, body)
        else:
            self._send(404, b"gone", body)

    def _send(self, status: int, data: bytes, body: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "application/xml")
        self.end_headers()
        if body:
            self.wfile.write(data)

    def _send_file(self, file: Path, path: str, body: bool) -> None:
        it: Server = self.server.it
        data = file.read_bytes()
        start, end, status = 0, len(data), 200
        asked = self.headers.get("Range", "")
        if asked.startswith("bytes="):
            first, last = asked.removeprefix("bytes=").split("-")
            start, status = int(first or 0), 206
            end = min(end, int(last) + 1) if last else end
        self.send_response(status)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - start))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        if not it.plain:
            self.send_header("ETag", f'"{md5(data, usedforsecurity=False).hexdigest()}"')
            self.send_header("Last-Modified", self.date_time_string(int(file.stat().st_mtime)))
        self.end_headers()
        if not body:
            return
        if path in it.cut:
            self.wfile.write(data[start : min(end, start + it.cut[path])])
            self.close_connection = True
            return
        self.wfile.write(data[start:end])


def _listed(folder: Path, bucket: str, query: dict[str, list[str]]) -> bytes:
    """The answer of S3's ListObjectsV2."""
    prefix = query.get("prefix", [""])[0]
    parts = []
    for file in sorted((folder / bucket).rglob("*")):
        key = file.relative_to(folder / bucket).as_posix()
        if file.is_file() and key.startswith(prefix):
            tag = md5(file.read_bytes(), usedforsecurity=False).hexdigest()
            parts.append(
                f"<Contents><Key>{escape(key)}</Key><Size>{file.stat().st_size}</Size>"
                f'<ETag>"{tag}"</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified>'
                "<StorageClass>STANDARD</StorageClass></Contents>"
            )
    text = (
        '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(parts)}</KeyCount>"
        f"<MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>{''.join(parts)}"
        "</ListBucketResult>"
    )
    return text.encode()


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve a folder while a ``with`` block lasts."""
    it = Server(folder)
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.it = it
    server.daemon_threads = True
    it.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield it
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
