"""A lock between processes."""

import errno
import logging
import threading

from dada.storage import lock
from dada.storage.lock import locked


def test_the_second_waits_for_the_first(tmp_path, caplog):
    """Locks of files hold between open files, so that a thread stands for a process here."""
    path, order = tmp_path / "folder" / ".lock", []

    def second():
        with locked(path, tmp_path):
            order.append("second")

    with caplog.at_level(logging.INFO, "dada"):
        with locked(path, tmp_path):
            thread = threading.Thread(target=second)
            thread.start()
            while "waiting for another process" not in caplog.text:
                thread.join(0.01)
            order.append("first")
        thread.join()
    assert order == ["first", "second"]


def test_a_file_system_without_locks_locks_nothing(tmp_path, monkeypatch, caplog):
    def refuse(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    with caplog.at_level(logging.INFO, "dada"), locked(tmp_path / ".lock", tmp_path):
        assert "has no locks" in caplog.text
