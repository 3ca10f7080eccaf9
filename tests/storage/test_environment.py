import re
import subprocess

import dada
from dada.storage import environment


def test_machine_of_a_linux_computer_with_gpus(tmp_path, monkeypatch):
    cpu, gpus = tmp_path / "cpuinfo", tmp_path / "gpus"
    cpu.write_text(
        "processor\t: 0\nmodel name\t: Example CPU 9000\nprocessor\t: 1\nmodel name\t: Example CPU 9000\n"
    )
    for i in range(2):
        (gpus / f"card{i}").mkdir(parents=True)
        (gpus / f"card{i}" / "information").write_text(f"Model: \t\t Example GPU {i}\nIRQ: 1\n")
    monkeypatch.setattr(environment, "CPU_INFO", cpu)
    monkeypatch.setattr(environment, "GPU_INFO", gpus)
    machine = environment.this_machine()
    assert re.fullmatch(
        r"Example CPU 9000, \d+ cores, (\d+ GiB, )?Example GPU 0, Example GPU 1", machine.hardware
    )
    assert re.match(r"Python 3\.\d+\.\d+, dada \S+, torch \S+", machine.software)


def test_machine_without_any_facts(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(environment, "GPU_INFO", tmp_path / "gpus")
    assert environment.this_machine().hardware.endswith("no GPU")


def test_versions_of_packages():
    found = environment.versions(["numpy", "no-such-package-at-all"])
    assert found["numpy"] and found["no-such-package-at-all"] is None


def test_facts_of_a_stamp():
    facts = environment.stamp_facts("dada run egs/mini")
    assert facts["command"] == "dada run egs/mini" and facts["dada"] == dada.__version__
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", facts["finished"])


def test_facts_of_a_run():
    facts = environment.run_facts(["torch"])
    assert set(facts) == {"command", "python", "versions", "git", "hardware", "started"}
    assert facts["hardware"]["threads"] >= 1 and facts["versions"]["torch"]


def test_commit_and_dirty_mark(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    assert environment.git_commit(tmp_path / "absent") is None
    git("init")
    (tmp_path / "file").write_text("a")
    git("add", "file")
    git("commit", "-m", "first")
    clean = environment.git_commit(tmp_path)
    assert re.fullmatch(r"[0-9a-f]{40}", clean)
    (tmp_path / "untracked").write_text("b")
    assert environment.git_commit(tmp_path) == clean
    (tmp_path / "file").write_text("b")
    assert environment.git_commit(tmp_path) == clean + "-dirty"
