"""The synthesizers without a network that speak a text: formants, diphones, hidden Markov models."""

import tempfile
from pathlib import Path

import numpy as np

from .engine import Request, Speaker, read_wav, seed_of


class Espeak(Speaker):
    """espeak-ng: formant synthesis."""

    name, known, tempo = "espeak", True, 15.4
    WORDS_A_MINUTE = 175

    def say(self, request: Request) -> tuple[np.ndarray, int]:
        rate = str(round(self.WORDS_A_MINUTE * self.speed(request)))
        result = self.espeak(
            "-v", "en-us", "-s", rate, "--stdout", text=request.text, what=self.label(request)
        )
        return read_wav(result, self.label(request))

    def espeak(self, *args: str, text: str, what: str) -> bytes:
        data = next(self.root.glob("usr/lib/*/espeak-ng-data"), None)
        path = [f"--path={data}"] if data else []
        return self.program("espeak-ng").run(*path, *args, "--stdin", what=what, input=text.encode()).stdout


class Flite(Speaker):
    """flite: three statistical voices and a diphone one, chosen by the clip's name."""

    name, known, tempo = "flite", True, 14.3
    VOICES = ("slt", "rms", "awb", "kal16")

    def say(self, request: Request) -> tuple[np.ndarray, int]:
        voice = self.VOICES[seed_of(request.name) % len(self.VOICES)]
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out.wav"
            stretch = f"duration_stretch={1 / self.speed(request):.3f}"
            self.program("flite").run(
                "-voice",
                voice,
                "--setf",
                stretch,
                "-t",
                request.text,
                "-o",
                str(out),
                what=self.label(request),
            )
            return read_wav(out.read_bytes() if out.exists() else b"", self.label(request))


class Festival(Speaker):
    """festival with the HTS voice slt: hidden Markov models. One process speaks many texts."""

    name, known, tempo = "festival", False, 13.9

    def speak(self, requests: list[Request]) -> list[tuple[np.ndarray, int]]:
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "batch.scm"
            script.write_text(self.script(requests, Path(folder)), encoding="utf-8")
            data = self.root / "usr" / "share" / "festival"
            where = ["--datadir", str(data)] if data.is_dir() else []
            what = f"festival failed on the texts from {requests[0].name} to {requests[-1].name}"
            result = self.program("festival").run(*where, "-b", str(script), what=what)
            clips = []
            for i, request in enumerate(requests):
                out = Path(folder) / f"{i}.wav"
                message = result.stderr.decode(errors="replace").strip()
                clips.append(
                    read_wav(out.read_bytes() if out.exists() else b"", f"{self.label(request)} {message}")
                )
            return clips

    def script(self, requests: list[Request], folder: Path) -> str:
        lines = ["(voice_cmu_us_slt_arctic_hts)", "(set! usual hts_engine_params)"]
        for i, request in enumerate(requests):
            text = request.text.replace("\\", "").replace('"', "")
            lines.append(f'(set! hts_engine_params (cons (list "-r" {self.speed(request):.3f}) usual))')
            lines.append(
                f'(utt.save.wave (utt.synth (Utterance Text "{text}")) "{folder / f"{i}.wav"}" \'riff)'
            )
        return "\n".join(lines) + "\n"
