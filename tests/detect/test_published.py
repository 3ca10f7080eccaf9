"""`dada detect` with published weights by name, from an empty cache and a file server."""

import json
from urllib.parse import urlsplit

import pytest
from file_server import Files, serving

from dada import checkpoints
from dada.checkpoints import Consent
from dada.checkpoints.address import published_address
from dada.detect import detector_of, of_weights
from dada.errors import ConfigError, UserError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("DADA_CACHE", str(tmp_path / "cache"))
    for name in ("DADA_MIRROR", "HF_HUB_OFFLINE", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache" / "checkpoints"


@pytest.fixture
def aasist(reference, monkeypatch):
    """A server with the official weights of AASIST, which breaks off once."""
    with serving(Files(cuts=[500_000])) as files:
        path = urlsplit(published_address(checkpoints.named("aasist"))).path
        files.content[path] = (reference / "weights" / "AASIST.pth").read_bytes()
        monkeypatch.setenv("DADA_MIRROR", files.address)
        yield files


def test_from_a_cold_cache_to_the_official_logits_of_all_reference_clips(aasist, reference, cache, call_dada):
    expected = json.loads((reference / "expected.json").read_text())["logits"]["AASIST"]
    clips = [reference / "audio" / f"{utt}.flac" for utt in expected]
    assert len(clips) == 12
    code, _, errors = call_dada("detect", "--system", "aasist", "--json", *clips)
    assert code == 2 and "Add --yes to fetch it from http://127.0.0.1" in errors and not aasist.asked
    code, printed, errors = call_dada(
        "detect", "--system", "aasist", "--yes", "--window", "first", "--json", *clips
    )
    assert code == 0, errors
    verdicts = [json.loads(line) for line in printed.splitlines()]
    for verdict, logits in zip(verdicts, expected.values(), strict=True):
        assert list(verdict["logits"].values()) == pytest.approx(logits, abs=1e-4)
    assert [asked for _, asked in aasist.asked] == [None, "bytes=500000-"]
    assert [path.name for path in cache.glob("[!.]*")] == ["AASIST.pth"]


def test_whoever_names_no_system_is_told_which_one_is_taken_and_why(aasist, reference, caplog):
    detector = detector_of(None, None, None, None, Consent(yes=True))
    assert detector.system.config.name == "aasist" and detector.origin.weights == "aasist"
    assert "In-the-Wild its EER is 43 %" in detector.origin.caveat
    for part in ("it is small", "verified", "EER 0.83 % on ASVspoof 2019 LA eval", "43 %", "--weights"):
        assert part in caplog.text
    same = of_weights("aasist", reference / "weights" / "AASIST.pth")  # the file is recognised
    assert same.origin.caveat == detector.origin.caveat


def test_names_lead_to_weights_or_say_why_not():
    assert checkpoints.choose("aasist_official").name == "aasist"
    assert checkpoints.choose("rawgat_st_official").name == "rawgat_st"
    assert checkpoints.choose("aasist_asvspoof5").system == "aasist"
    with pytest.raises(ConfigError, match="resmax has no published weights .*--init FILE.* one of aasist, "):
        checkpoints.choose("resmax")
    with pytest.raises(ConfigError, match="unknown system 'aasit', did you mean 'aasist'"):
        checkpoints.choose("aasit")
    with pytest.raises(UserError, match="aasist_l .*is not on this machine, and nothing may be fetched"):
        detector_of(None, None, "aasist_l", None, Consent(yes=True, offline=True))


def test_a_file_of_other_content_is_not_recognised(tmp_path):
    size = checkpoints.named("aasist").bytes
    (tmp_path / "AASIST.pth").write_bytes(bytes(size))
    assert checkpoints.recognise(tmp_path / "AASIST.pth") is None
    assert checkpoints.recognise(tmp_path / "absent.pth") is None
