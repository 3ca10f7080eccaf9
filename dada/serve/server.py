"""The server: systems that are loaded once, on one address."""

import logging

import uvicorn

from dada.detect.page import load
from dada.detect.panel import Chosen
from dada.serve.answerer import Answerer
from dada.serve.app import make_app

log = logging.getLogger(__name__)


def serve(chosen: Chosen, address: str, port: int, megabytes: int, minutes: int, public: bool) -> None:
    """Load the systems and answer requests until the program is interrupted."""
    answerer = Answerer(load(chosen), 60.0 * minutes)
    app = make_app(answerer, megabytes * 1_000_000, public)
    shown = f"[{address}]" if ":" in address else address
    log.info("open http://%s:%d in a browser; Ctrl-C ends", shown, port)
    uvicorn.run(app, host=address, port=port, log_level="warning", access_log=False, server_header=False)
