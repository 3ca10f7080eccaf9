"""The addresses of the server.

GET /                  the page where a file is dropped
POST /jobs             a file as the body; query: name, system (repeat), speaker. Returns {"job": KEY}
GET /jobs/KEY          its state
GET /jobs/KEY/page     the page of a job that is done, once
DELETE /jobs/KEY       forget it
POST /answers          as /jobs, but waits and returns the verdicts as JSON
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from html import escape
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from dada.errors import DadaError
from dada.report.markup import document
from dada.serve.answerer import Answerer, Question
from dada.serve.guard import Guard, own_names
from dada.serve.jobs import Busy, Job, Jobs
from dada.serve.uploads import TooLarge, receive, shown_name

UNKNOWN = "no such answer: it was fetched already, or is more than ten minutes old; send the file again"


class Site:
    """The server's answers to requests. `most_bytes` bounds a file."""

    def __init__(self, answerer: Answerer, most_bytes: int):
        self.answerer, self.most_bytes = answerer, most_bytes
        self.jobs = Jobs(answerer)
        self.folder = Path(tempfile.mkdtemp(prefix="dada-serve-"))

    def close(self) -> None:
        """End the work and remove all temporary files."""
        self.jobs.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def home(self, _: Request) -> Response:
        """Return the page where a file is dropped."""
        systems = "".join(
            f'<label><input type=checkbox name=system value="{escape(name)}"{" checked" if i == 0 else ""}> '
            f"{escape(name)}</label>"
            for i, name in enumerate(self.answerer.names)
        )
        options = "".join(f"<option>{escape(name)}</option>" for name in self.answerer.speakers)
        choice = f"<select id=speaker><option value=''>not named</option>{options}</select>"
        speaker = f"<label>Purported speaker {choice}</label>" if options else ""
        limits = (
            f"At most {self.most_bytes / 1e6:.0f} MB and {self.answerer.most_seconds / 60:g} minutes. "
            "The file stays on the machine that runs this server, and is removed after the answer."
        )
        parts = {"systems": systems, "speaker": speaker, "limits": escape(limits)}
        return HTMLResponse(document("serve.html", ["report.css", "serve.css"], ["serve.js"], **parts))

    async def add(self, request: Request) -> Response:
        """Queue a file."""
        try:
            job = await self._job(request, page=True)
        except ClientDisconnect:
            return Response(status_code=400)
        except DadaError as error:
            return _problem(error)
        return JSONResponse({"job": job.key}, status_code=202)

    async def answer(self, request: Request) -> Response:
        """Return the verdicts on a file."""
        try:
            job = await self._job(request, page=False)
        except ClientDisconnect:
            return Response(status_code=400)
        except DadaError as error:
            return _problem(error)
        try:
            if job.future is not None:
                await asyncio.wrap_future(job.future)
        finally:
            self.jobs.forget(job)
        if job.reply is None:
            return JSONResponse({"error": job.error}, status_code=422)
        return JSONResponse({"verdicts": job.reply.verdicts})

    async def _job(self, request: Request, page: bool) -> Job:
        asked = request.query_params
        systems = asked.getlist("system") or self.answerer.names[:1]
        speaker = asked.get("speaker") or None
        self.answerer.check(systems, speaker)
        stated = request.headers.get("content-length")
        path = await receive(request.stream(), stated, self.folder, self.most_bytes)
        return self.jobs.add(Question(path, shown_name(asked.get("name", "")), systems, speaker, page))

    async def state(self, request: Request) -> Response:
        """Return what has become of a file."""
        job = self.jobs.find(request.path_params["key"])
        if job is None:
            return JSONResponse({"error": UNKNOWN}, status_code=404)
        if job.error:
            self.jobs.forget(job)
            return JSONResponse({"state": "failed", "error": job.error})
        if job.reply is not None:
            return JSONResponse({"state": "done"})
        seconds = round(self.jobs.clock() - job.began) if job.began else 0
        state = "running" if job.began else "waiting"
        return JSONResponse(
            {"state": state, "step": job.step, "ahead": self.jobs.ahead(job), "seconds": seconds}
        )

    async def page(self, request: Request) -> Response:
        """Return the page of a file, and forget it."""
        job = self.jobs.find(request.path_params["key"])
        if job is None or job.reply is None:
            return Response(UNKNOWN, status_code=404, media_type="text/plain")
        self.jobs.forget(job)
        return HTMLResponse(job.reply.page)

    async def forget(self, request: Request) -> Response:
        """Forget a file."""
        job = self.jobs.find(request.path_params["key"])
        if job is not None:
            self.jobs.forget(job)
        return Response(status_code=204)


def _problem(error: DadaError) -> Response:
    status = 413 if isinstance(error, TooLarge) else 503 if isinstance(error, Busy) else 422
    return JSONResponse({"error": str(error)}, status_code=status)


def make_app(answerer: Answerer, most_bytes: int, public: bool = False) -> Starlette:
    """Return the server's application, which holds a temporary folder until it is shut down."""
    site = Site(answerer, most_bytes)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            site.close()

    routes = [
        Route("/", site.home),
        Route("/jobs", site.add, methods=["POST"]),
        Route("/answers", site.answer, methods=["POST"]),
        Route("/jobs/{key}", site.state),
        Route("/jobs/{key}", site.forget, methods=["DELETE"]),
        Route("/jobs/{key}/page", site.page),
    ]
    guard = Middleware(Guard, names=own_names(public), public=public)
    app = Starlette(routes=routes, middleware=[guard], lifespan=lifespan)
    app.state.site = site
    return app
