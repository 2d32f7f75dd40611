"""A web server of the test's own, as the network's edge."""

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Serves `content` from every address; how is set by the test."""

    daemon_threads = True
    content = b""
    status = 200
    version = ""
    """Its ETag, none where empty."""
    dated = ""
    headers = ()
    """Others, as pairs."""
    claims = 0
    """Bytes promised beyond those sent."""
    breaks_after = 0
    """Bytes of each answer after which the connection breaks; 0 for never."""
    ignores_if_range = False
    pause = 0.0
    """Seconds before each 64 KiB."""
    failures = 0
    """Answers of 503 before the next one with the content."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked = []
        """(address, Range) of each request."""

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        served = self.server
        asked = self.headers.get("Range")
        served.asked.append((self.path, asked))
        if served.failures:
            served.failures -= 1
            self.send_error(503)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if start >= len(served.content) > 0:
            self.send_error(416)
            return
        same = self.headers.get("If-Range") in (served.version, served.dated)
        if not (same or served.ignores_if_range):
            start = 0
        self.send_response(206 if start else served.status)
        size = len(served.content)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        for name, value in (("ETag", served.version), ("Last-Modified", served.dated)):
            if value:
                self.send_header(name, value)
        for name, value in served.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(size - start + served.claims))
        self.end_headers()
        self._send(served.content[start:])

    def _send(self, content):
        if self.server.breaks_after:
            content = content[: self.server.breaks_after]
        for start in range(0, len(content), 1 << 16):
            time.sleep(self.server.pause)
            try:
                self.wfile.write(content[start : start + (1 << 16)])
            except OSError:
                return

    def do_CONNECT(self):
        self.server.asked.append((self.path, None))
        self.send_error(self.server.status)

    def log_message(self, *_):
        pass


@contextmanager
def serving():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
