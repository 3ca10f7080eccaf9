"""`dada serve`: a file is dropped, answered and forgotten; what is refused, and that nothing stays behind."""

import io
import re
import threading
import time

import numpy as np
import pytest
import soundfile
import torch
from asgi_requests import HOST, ask
from signals import speech_like

from dada import models
from dada.detect import Detector, Origin
from dada.detect.page import Loaded
from dada.detect.speech import FRAME, Speech
from dada.errors import DataError
from dada.experiment.trained import Experiment
from dada.recipe.config import load_system_config
from dada.score.clip import System
from dada.serve.answerer import Answerer, Question, Reply
from dada.serve.app import make_app
from dada.serve.guard import is_loopback, own_names
from dada.serve.jobs import FAULT, KEPT, MOST_WAITING, Busy, Jobs

MOST = 400_000  # bytes


def flac(seconds: float) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, speech_like(seconds, 120, seed=3), 16_000, format="FLAC")
    return out.getvalue()


@pytest.fixture(scope="module")
def systems() -> list[Loaded]:
    """LFCC-LCNN with random weights, twice."""
    config = load_system_config("lfcc_lcnn")
    config.labels = ["spoof", "bonafide"]
    torch.manual_seed(1)
    model = models.build("audio", config.model, 2).eval()
    system = System(Experiment(config, config.labels, model), None)
    return [
        Loaded(Detector(system, Origin(weights="a.pt"))),
        Loaded(Detector(system, Origin(weights="b.pt"))),
    ]


@pytest.fixture
def app(systems, monkeypatch):
    """The server with files of at most 3 s; all of a file counts as speech."""

    def everything(samples: np.ndarray) -> Speech:
        return Speech(np.ones(-(-len(samples) // FRAME), dtype=bool))

    monkeypatch.setattr("dada.detect.recording.find_speech", everything)
    made = make_app(Answerer(systems, 3.0), MOST)
    yield made
    made.state.site.close()
    assert not made.state.site.folder.exists()


def files(app) -> list[str]:
    return [path.name for path in app.state.site.folder.iterdir()]


def wait(app, key: str) -> dict:
    """Ask for a job until it is done."""
    job = app.state.site.jobs.find(key)
    job.future.result(timeout=120)
    return ask(app, "GET", f"/jobs/{key}").json


def test_a_file_is_dropped_answered_and_forgotten(app):
    home = ask(app, "GET", "/")
    assert home.status == 200 and "a file here" not in home.headers and "lfcc_lcnn_2" in home.text
    assert not re.search(r'(src|href)="(?!data:|#)', home.text) and "$" not in home.text
    assert "default-src 'none'" in home.headers["content-security-policy"]
    sound = flac(2.0)
    query = "name=..%2F..%2Fetc%2F%3Cb%3E.flac&system=lfcc_lcnn_1&system=lfcc_lcnn_2"
    sent = ask(app, "POST", f"/jobs?{query}", [sound[:1000], sound[1000:]])
    assert sent.status == 202
    key = sent.json["job"]
    assert wait(app, key) == {"state": "done"} and files(app) == []
    page = ask(app, "GET", f"/jobs/{key}/page")
    assert page.status == 200 and "<title>&lt;b&gt;.flac</title>" in page.text
    assert page.text.count('class="card views"') == 2 and "data:audio/flac" in page.text
    assert str(app.state.site.folder) not in page.text
    again = ask(app, "GET", f"/jobs/{key}/page")
    assert again.status == 404 and "send the file again" in again.text


def test_programs_get_verdicts_as_json(app):
    answer = ask(app, "POST", "/answers?name=a.flac", [flac(1.0)])
    (verdict,) = answer.json["verdicts"]
    assert answer.status == 200 and verdict["file"] == "a.flac" and verdict["system"] == "lfcc_lcnn"
    assert verdict["score"] is not None and files(app) == []


def test_what_cannot_be_answered_says_why_and_leaves_nothing(app):
    key = ask(app, "POST", "/jobs?name=a.txt", [b"no audio at all"]).json["job"]
    failed = wait(app, key)
    assert failed["state"] == "failed" and failed["error"].startswith("a.txt cannot be read as audio")
    assert files(app) == []
    assert ask(app, "GET", f"/jobs/{key}").status == 404
    key = ask(app, "POST", "/jobs?name=long.flac", [flac(3.5)]).json["job"]
    assert wait(app, key)["error"].startswith("long.flac: longer than 0.05 minutes")
    for query, message in (("system=aasist", "no system 'aasist'"), ("speaker=ANN", "no system knows")):
        refused = ask(app, "POST", f"/answers?{query}", [flac(0.5)])
        assert refused.status == 422 and message in refused.json["error"]
    assert ask(app, "POST", "/answers").json["error"] == "the file is empty: choose another one"
    assert ask(app, "POST", "/answers", [b"no"]).status == 422 and files(app) == []


def test_a_file_that_is_too_large_is_not_read_to_its_end(app):
    part = bytes(150_000)
    for stated in ({"content_length": "900000"}, {"content_length": "1000"}, {}):
        answer = ask(app, "POST", "/jobs", [part] * 6, **stated)
        assert answer.status == 413 and "0 MB, the limit" in answer.json["error"]
        assert answer.left >= 3 and files(app) == []
    assert ask(app, "POST", "/jobs", [part, None]).status == 400 and files(app) == []


def test_only_this_server_s_own_pages_may_ask(app):
    for refused in (
        {"host": "evil.example:8017"},
        {"host": ""},
        {"host": "127.0.0.1.evil.example"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec_fetch_site": "cross-site"},
    ):
        answer = ask(app, "POST", "/jobs", [flac(0.5)], **refused)
        assert answer.status == 403 and "dada serve" in answer.text and files(app) == [], refused
    for allowed in ({"host": "localhost:8017"}, {"host": "[::1]:8017"}, {"origin": f"http://{HOST}"}):
        assert ask(app, "GET", "/", **allowed).status == 200, allowed
    assert ask(app, "GET", "/", host="192.168.1.2:8017").status == 403
    assert is_loopback("127.0.0.5") and is_loopback("localhost") and not is_loopback("0.0.0.0")
    assert own_names(public=False) < own_names(public=True)


def question(tmp_path, name: str = "a") -> Question:
    path = tmp_path / name
    path.write_bytes(b"x")
    return Question(path, name, ["s"], None)


def test_one_file_at_a_time_in_the_order_of_their_coming(tmp_path):
    go, order = threading.Event(), []

    def answer(question, progress):
        go.wait(60)
        order.append(question.name)
        return Reply(question.name, [])

    jobs = Jobs(answer)
    added = [jobs.add(question(tmp_path, f"{i}")) for i in range(MOST_WAITING + 1)]
    with pytest.raises(Busy, match="8 files wait already"):
        jobs.add(question(tmp_path, "more"))
    assert not (tmp_path / "more").exists() and jobs.ahead(added[3]) == 3
    jobs.forget(added[2])
    assert not (tmp_path / "2").exists() and jobs.find(added[2].key) is None
    go.set()
    for job in added:
        if job is not added[2]:
            job.future.result(60)
    jobs.close()
    assert order == [f"{i}" for i in range(MOST_WAITING + 1) if i != 2]
    assert list(tmp_path.iterdir()) == []


def test_errors_are_told_and_old_answers_forgotten(tmp_path, caplog):
    now = [time.monotonic()]

    def answer(question, progress):
        if question.name == "bad":
            raise DataError("bad: no audio")
        raise RuntimeError("a fault")

    jobs = Jobs(answer, lambda: now[0])
    bad, fault = jobs.add(question(tmp_path, "bad")), jobs.add(question(tmp_path, "fault"))
    for job in (bad, fault):
        job.future.result(60)
    assert bad.error == "bad: no audio" and fault.error == FAULT and "a fault" in caplog.text
    assert list(tmp_path.iterdir()) == [] and jobs.find(bad.key) is bad
    now[0] += KEPT + 1
    assert jobs.find(bad.key) is None
    jobs.close()


def test_the_command_refuses_to_be_reached_from_elsewhere(call_dada):
    code, _, errors = call_dada("serve", "--system", "aasist", "--address", "0.0.0.0")
    assert code == 2 and "--address 0.0.0.0 can be reached from other machines" in errors
