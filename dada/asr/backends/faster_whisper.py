"""Whisper by faster-whisper (CTranslate2), the fastest back end on a CPU.

Its encoder accepts features of any length.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from dada.asr.base import Hypothesis
from dada.asr.config import TranscribeConfig
from dada.asr.convert import CT2_FOLDER
from dada.asr.device import choose_device, require_compute_type
from dada.asr.mel import log_mel
from dada.asr.weights import cached_or_fetched, loading, local_model, require_weights, short_name
from dada.errors import ConfigError

if TYPE_CHECKING:
    from ctranslate2.models import WhisperGenerationResult

WEIGHTS = ("model.bin", f"{CT2_FOLDER}/model.bin")


class Backend:
    """The back end faster_whisper (dada.asr.base.Backend)."""

    def __init__(self, config: TranscribeConfig, root: Path):
        import ctranslate2
        import faster_whisper

        device = choose_device(config)
        require_compute_type(config, device, tuple(sorted(ctranslate2.get_supported_compute_types(device))))
        folder = find_weights(config, root)
        self.weights = [folder / "model.bin"]
        self.version = f"faster-whisper {faster_whisper.__version__}, ctranslate2 {ctranslate2.__version__}"
        # The library's default of four threads would make results depend on the machine.
        with loading(folder):
            whisper = faster_whisper.WhisperModel(
                str(folder),
                device=device,
                device_index=torch.cuda.current_device() if device == "cuda" else 0,
                compute_type=config.compute_type,
                cpu_threads=torch.get_num_threads(),
                local_files_only=True,
            )
        self.model, self.tokenizer = whisper.model, whisper.hf_tokenizer
        self.beam_size = config.beam_size
        known = whisper.supported_languages
        if config.language and config.language not in known:
            raise ConfigError(
                f"transcribe.language {config.language!r} is not one of {config.model}'s: {', '.join(known)}"
            )
        names = ["<|startoftranscript|>", "<|notimestamps|>"]
        if self.model.is_multilingual:
            names[1:1] = [f"<|{config.language or 'en'}|>", "<|transcribe|>"]
        self.prompt = [self.tokenizer.token_to_id(name) for name in names]
        self.find_language = self.model.is_multilingual and not config.language

    def decode(self, clips: list[np.ndarray], context: float, caps: list[int]) -> list[Hypothesis]:
        """See dada.asr.base.Backend."""
        import ctranslate2

        mel = log_mel(clips, context, self.model.n_mels).contiguous().numpy()
        states = self.model.encode(ctranslate2.StorageView.from_array(mel))
        prompts = [list(self.prompt) for _ in clips]
        if self.find_language:
            for prompt, languages in zip(prompts, self.model.detect_language(states), strict=True):
                prompt[1] = self.tokenizer.token_to_id(languages[0][0])
        # A token beyond the cap tells a transcript that was cut from a transcript that ends exactly at the
        # cap. CTranslate2 generates at most half of max_length, as the other half is for a prompt.
        results = self.model.generate(
            states,
            prompts,
            beam_size=self.beam_size,
            max_length=2 * (max(caps) + 1),
            return_scores=True,
            return_no_speech_prob=True,
        )
        return [self._hypothesis(result, cap) for result, cap in zip(results, caps, strict=True)]

    def _hypothesis(self, result: "WhisperGenerationResult", cap: int) -> Hypothesis:
        tokens = result.sequences_ids[0]
        logprob = result.scores[0] * len(tokens)  # the score is divided by the tokens without the end token
        num_tokens, text = len(tokens), self.tokenizer.decode(tokens[:cap])
        return Hypothesis(
            text, logprob / (num_tokens + 1), min(num_tokens, cap), result.no_speech_prob, num_tokens > cap
        )


def find_weights(config: TranscribeConfig, root: Path) -> Path:
    """Return the folder of the model. Raise UserError where it is not on this machine."""
    import faster_whisper

    local = local_model(config, root, WEIGHTS)
    if local is not None:
        return local.parent
    name = short_name(config.model)
    if "/" not in name and name not in faster_whisper.available_models():
        known = ", ".join(faster_whisper.available_models())
        raise ConfigError(
            f"transcribe.model {config.model!r} is neither a folder nor one of faster-whisper's: {known}"
        )

    def fetch(local_only: bool) -> Path:
        return require_weights(
            Path(faster_whisper.download_model(name, local_files_only=local_only)), WEIGHTS
        )

    return cached_or_fetched(config, WEIGHTS, fetch)
