"""A server of files on this machine that can break off, as real ones do."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Files:
    """Content by path, and what the server does wrong. `asked` collects (path, Range or None)."""

    def __init__(self, **faults):
        self.content: dict[str, bytes] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.cuts: list[int] = faults.get("cuts", [])  # bytes after which the next answers end
        self.states: list[int] = faults.get("states", [])  # of the next answers, without content
        self.ranges: bool = faults.get("ranges", True)
        self.hold = faults.get("hold")  # an event to wait for before the content is sent
        self.address = ""


@contextlib.contextmanager
def serving(files: Files) -> Iterator[Files]:
    """Serve files on a free port of 127.0.0.1; `files.address` is the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802 - a name of http.server
            wanted = self.headers.get("Range")
            files.asked.append((self.path, wanted))
            content = files.content.get(self.path)
            state = files.states.pop(0) if files.states else 200 if content is not None else 404
            if state != 200:
                self.send_error(state)
                return
            if files.hold is not None:
                files.hold.wait(30)
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and files.ranges else 0
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            end = start + files.cuts.pop(0) if files.cuts else len(content)
            self.wfile.write(content[start:end])

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    files.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield files
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
