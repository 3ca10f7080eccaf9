"""Fetching a checkpoint: whole, broken off, wrong, twice at once, without rights, without a network."""

import errno
import os
import re
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from dada import checkpoints
from dada.checkpoints import Consent, fetch
from dada.checkpoints.manifest import NOT_KNOWN
from dada.errors import DataError, UserError

PATH = "/somebody/model/0123456789012345678901234567890123456789/some%20weights.pt"
YES = Consent(yes=True)


def left(cache: Path) -> list[str]:
    """Return what the cache holds besides the lock."""
    return sorted(path.name for path in cache.iterdir() if not path.name.endswith(".lock"))


def test_a_file_is_fetched_once(checkpoint, cache, serve):
    files = serve()
    path = checkpoints.locate(checkpoint, YES)
    assert path == cache / "small.pt" and path.read_bytes() == files.content[PATH]
    assert checkpoints.locate(checkpoint, Consent()) == path  # without a question
    assert files.asked == [(PATH, None)] and left(cache) == ["small.pt"]


def test_a_broken_connection_costs_only_the_rest(checkpoint, cache, serve):
    files = serve(cuts=[100_000, 50_000])
    assert checkpoints.locate(checkpoint, YES).read_bytes() == files.content[PATH]
    assert [asked for _, asked in files.asked] == [None, "bytes=100000-", "bytes=150000-"]


def test_a_later_run_goes_on_where_an_earlier_one_ended(checkpoint, cache, serve):
    files = serve(cuts=[100_000, 0, 0, 0])
    with pytest.raises(UserError, match="the connection ended after 100,000 of 256,000 bytes.*are kept"):
        checkpoints.locate(checkpoint, YES)
    assert left(cache) == [".small.pt.partial"]
    assert checkpoints.locate(checkpoint, YES).read_bytes() == files.content[PATH]
    assert files.asked[-1] == (PATH, "bytes=100000-") and left(cache) == ["small.pt"]


def test_a_server_without_ranges_starts_over(checkpoint, serve):
    files = serve(cuts=[100_000], ranges=False)
    assert checkpoints.locate(checkpoint, YES).read_bytes() == files.content[PATH]


def test_a_server_that_is_busy_is_asked_again(checkpoint, serve):
    files = serve(states=[503, 429])
    assert checkpoints.locate(checkpoint, YES).read_bytes() == files.content[PATH]
    files = serve(states=[404])
    (checkpoints.place(checkpoint)).unlink()
    with pytest.raises(UserError, match=f"from {files.address}.*server answers 404 .*put it at .*small.pt"):
        checkpoints.locate(checkpoint, YES)
    assert len(files.asked) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x" * 256_000, "256,000 bytes with SHA-256 [0-9a-f]{64}, expected 256,000 bytes with"),
        (b"x" * 300_000, "256,001 bytes"),
        (b"version https://git-lfs.github.com/spec/v1\n" + b" " * 256_000, "pointer of Git LFS"),
        (b"\n<html>" + b" " * 256_000, "page of HTML"),
    ],
    ids=["other content", "longer", "lfs", "html"],
)
def test_another_file_is_removed_and_named(checkpoint, cache, serve, content, message):
    serve(content)
    with pytest.raises(DataError, match=rf"pt.partial is not the published small: .*{message}.*removed"):
        checkpoints.locate(checkpoint, YES)
    assert left(cache) == []


def test_a_damaged_file_in_the_cache_is_removed_and_named(checkpoint, cache, serve):
    files = serve()
    checkpoints.locate(checkpoint, YES).write_bytes(files.content[PATH][:-1] + b"?")
    with pytest.raises(DataError, match=r"small\.pt is not the published small: 256,000 bytes .*removed"):
        checkpoints.locate(checkpoint, Consent())
    assert left(cache) == []
    (cache / "small.pt").mkdir()
    with pytest.raises(DataError, match="small.pt is a folder"):
        checkpoints.locate(checkpoint, YES)


def test_two_that_want_a_file_share_one_fetch(checkpoint, cache, serve):
    """Locks of files hold between open files, so that threads stand for processes here."""
    files = serve(hold=threading.Event())
    paths: list[Path] = []
    threads = [
        threading.Thread(target=lambda: paths.append(checkpoints.locate(checkpoint, YES))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    while not files.asked:
        threads[0].join(0.01)
    files.hold.set()
    for thread in threads:
        thread.join()
    assert paths == [cache / "small.pt"] * 2 and len(files.asked) == 1


def test_a_folder_may_stand_for_the_network(checkpoint, cache, tmp_path, monkeypatch, serve):
    files = serve()
    place = tmp_path / "mirror" / "somebody" / "model" / ("0123456789" * 4)
    place.mkdir(parents=True)
    (place / "some weights.pt").write_bytes(files.content[PATH])
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for mirror in (str(tmp_path / "mirror"), (tmp_path / "mirror").as_uri() + "/"):
        monkeypatch.setenv("DADA_MIRROR", mirror)
        assert checkpoints.locate(checkpoint, YES).read_bytes() == files.content[PATH]
        shutil.rmtree(cache)
    assert not files.asked
    monkeypatch.setenv("DADA_MIRROR", str(tmp_path / "elsewhere"))
    with pytest.raises(UserError, match="could not be fetched from file://.*elsewhere.*No such file"):
        checkpoints.locate(checkpoint, YES)


def test_a_full_disk_and_a_cache_without_rights_are_messages(checkpoint, cache, serve, monkeypatch):
    serve()
    with monkeypatch.context() as patch:
        patch.setattr(fetch.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
        with pytest.raises(UserError, match="needs 256,000 bytes more, .* has 1 free: free some space"):
            checkpoints.locate(checkpoint, YES)

    def refuse(number: int):
        def fail(*arguments, **options):
            raise OSError(number, os.strerror(number), str(cache / ".small.pt.partial"))

        return fail

    for number, advice in ((errno.ENOSPC, "the disk is full"), (errno.EROFS, "the file system is read-only")):
        with monkeypatch.context() as patch:
            patch.setattr(fetch, "_request", refuse(number))
            with pytest.raises(UserError, match=f"cannot write .*small.pt.partial: {advice}"):
                checkpoints.locate(checkpoint, YES)


def test_a_cache_without_rights_serves_what_it_holds(checkpoint, cache, serve, monkeypatch):
    serve()
    checkpoints.locate(checkpoint, YES)

    def fail(*arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    for name in ("mkdir", "unlink"):
        monkeypatch.setattr(Path, name, fail)
    assert checkpoints.locate(checkpoint, Consent()) == cache / "small.pt"
    (cache / "small.pt").write_bytes(b"other")
    with pytest.raises(DataError, match="could not be removed: replace it"):
        checkpoints.locate(checkpoint, Consent())


def test_nothing_is_fetched_without_consent(checkpoint, cache, serve, monkeypatch, capsys):
    files = serve()
    facts = r"small \(0.3 MB, licence MIT, trained on a corpus\) is not on this machine"
    how = f"Add --yes to fetch it from {files.address}/.*, or put it at {cache}/small.pt"
    with pytest.raises(UserError, match=rf"{facts}\. {how}"):
        checkpoints.locate(checkpoint, Consent())
    for consent, value in ((Consent(yes=True, offline=True), "0"), (YES, "1")):
        monkeypatch.setenv("HF_HUB_OFFLINE", value)
        with pytest.raises(UserError, match=rf"{facts}, and nothing may be .* put it at {cache}/small.pt"):
            checkpoints.locate(checkpoint, consent)
    assert not files.asked and not cache.exists()


@pytest.mark.parametrize(("answer", "fetched"), [("y\n", True), ("YES\n", True), ("\n", False)])
def test_at_a_terminal_it_asks(checkpoint, serve, monkeypatch, capsys, answer, fetched):
    files = serve()

    class Terminal:
        readline = staticmethod(lambda: answer)

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("dada.checkpoints.consent.at_terminal", lambda: True)
    if fetched:
        checkpoints.locate(checkpoint, Consent())
    else:
        with pytest.raises(UserError, match="small .* was not fetched, as you answered"):
            checkpoints.locate(checkpoint, Consent())
    assert "0.3 MB, licence MIT" in capsys.readouterr().err and bool(files.asked) == fetched


def test_a_file_without_a_known_digest_needs_a_word_of_the_user(checkpoint, cache, serve, caplog):
    """It is fetched on demand alone, said to be unverified whenever it is used, and a change of it shows."""
    unknown = replace(checkpoint, sha256=NOT_KNOWN, bytes=0)
    files = serve(cuts=[100_000])
    with pytest.raises(UserError, match="no digest .*dada models --fetch small --unverified.*small.pt"):
        checkpoints.locate(unknown, YES)
    assert not files.asked and not cache.exists()
    path = checkpoints.locate(unknown, Consent(yes=True, unverified=True))
    assert path.read_bytes() == files.content[PATH] and files.asked[1] == (PATH, "bytes=100000-")
    warning = f"nothing says that .* is the published file.*SHA-256 is {checkpoint.sha256}"
    assert re.search(warning, caplog.text)
    caplog.clear()
    assert checkpoints.locate(unknown, Consent()) == path and re.search(warning, caplog.text)
    path.write_bytes(b"other")
    with pytest.raises(DataError, match=rf"not the published small: .*expected {checkpoint.sha256}.*removed"):
        checkpoints.locate(unknown, Consent())
    assert not path.exists()
    path.write_bytes(b"<html>")
    with pytest.raises(DataError, match="page of HTML"):
        checkpoints.locate(unknown, Consent())


def test_a_digest_without_a_size_is_enough(checkpoint, serve):
    files = serve(cuts=[100_000, 0])
    without_size = replace(checkpoint, bytes=0)
    path = checkpoints.locate(without_size, YES)
    assert path.read_bytes() == files.content[PATH] and checkpoints.is_cached(without_size)
    path.unlink()
    serve(b"x" * 256_000)
    with pytest.raises(DataError, match="expected [0-9a-f]{64}. It was removed"):
        checkpoints.locate(without_size, YES)
