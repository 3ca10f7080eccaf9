"""Hidden states of a pretrained speech encoder: wav2vec 2.0, XLS-R, MMS, HuBERT, WavLM, data2vec, Whisper's.

`Feature` is frozen, for arks. `SpeechEncoder` is what it runs, and a part of networks that tune it. Any such
model of Hugging Face, by its id or as a folder on disk. Hidden state 0 is what enters the first transformer
layer, k is what leaves layer k. Encoders that normalise before each part of a layer (XLS-R, MMS, the large
HuBERT and WavLM, Whisper) have one more LayerNorm behind the last layer: the last state is its output, which
the library calls `last_hidden_state`, or with `final_norm: false` its input. Frames come every 20 ms.

Whisper's encoder expects 30 s. Here its context is cut to the clip: the first rows of the position table are
used, which is several times faster on short clips and leaves no silence for a pooling to average over.

A clip of more than 60 s is encoded in pieces, as the memory of attention grows with the square of its length:
frames beyond 5 s from a piece's ends are kept, so that there are as many as in one pass, and each has 5
s of context on both sides where the clip is long enough. The frames are close to those of one pass, but not
equal: attention, and the normalisation over time in the first convolution of base models, are limited to a
piece. A clip is normalised as a whole before. Whisper's encoder refuses what is longer than its 30 s.

Axes: B batch, T samples, N frames, K chosen layers, D width of the encoder.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn

from dada.data.audio import SAMPLE_RATE
from dada.errors import ConfigError, DataError
from dada.features._adapters import Lora, add_lora
from dada.features._encoder_files import load_encoder
from dada.features._frames import TOO_SHORT
from dada.limits import Limits

VERSION = 2  # 2: the last state of encoders that normalise first is the normalised one
WHISPER_STEP = 320  # samples a frame of Whisper's encoder: a mel hop of 160, halved by its second convolution
FIXED = (
    "masked_spec_embed",
    "embed_positions.weight",
)  # stay frozen: nothing is masked, and Whisper's positions are sines
ALL = -1  # of `tuned_layers`: the whole encoder
LONGEST = 60 * SAMPLE_RATE  # samples encoded at once
CONTEXT = 5 * SAMPLE_RATE  # samples on both sides of a piece that its frames hear, and that are cut off after
VARIANCE_FLOOR = 1e-7  # added to the variance of a clip, as the processors of these models do


Normalise = Literal["auto", "always", "never"]
TunedLayers = Annotated[int, Limits(least=ALL)]


@dataclass
class Config:
    """`layers` are indices of hidden states; negative ones count from the end."""

    model: str = "facebook/wav2vec2-large-xlsr-53"  # id on Hugging Face, or a folder
    layers: list[int] = field(default_factory=lambda: [-1])
    layer_pooling: Literal["mean", "stack"] = "mean"  # D features, or K·D, layer by layer
    # the last state behind the encoder's last LayerNorm, where it has one there
    final_norm: bool = True
    # auto | always | never: zero mean and unit variance of each clip; auto asks the model's processor
    normalise: Normalise = "auto"
    allow_download: bool = False  # fetch the model from Hugging Face when it is not on disk


class Feature(nn.Module):
    """Waveform (B, T) at 16 kHz to hidden states (B, D, N) or (B, K·D, N), without gradient."""

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        options = (config.normalise, config.allow_download)
        self.encoder = SpeechEncoder(config.model, config.layers, *options, final_norm=config.final_norm)
        self.num_features = self.encoder.width * (
            len(config.layers) if config.layer_pooling == "stack" else 1
        )

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """(B, T) to (B, F, N). Raise DataError for a clip shorter than one frame."""
        pooled = (
            self.encoder.mean(x)
            if self.config.layer_pooling == "mean"
            else self.encoder(x).transpose(1, 2).flatten(2)
        )
        return pooled.transpose(1, 2)


class SpeechEncoder(nn.Module):
    """Waveform (B, T) at 16 kHz to chosen hidden states (B, K, N, D), with a gradient for those layers that
    are to be tuned.

    `tuned_layers` counts transformer layers down from the highest one that is needed; 0 freezes the encoder,
    ALL tunes the whole of it. What is frozen has no gradient and stays in evaluation mode, without dropout.
    Layers above the highest one needed are not there. The library's random masks and skipped layers are off.
    `lora` learns adapters beside the layers of a frozen encoder instead. `dropout` replaces the encoder's own
    rates. Without `pretrained` its weights are random, for a checkpoint to fill. `recompute` keeps only the
    inputs of the tuned layers for the backward pass, which runs each layer again: less memory, more time, the
    same gradients.
    """

    def __init__(
        self,
        model: str,
        layers: list[int],
        normalise: Normalise = "auto",
        allow_download: bool = False,
        tuned_layers: int = 0,
        recompute: bool = False,
        final_norm: bool = True,
        lora: Lora | None = None,
        dropout: float | None = None,
        pretrained: bool = True,
    ):
        super().__init__()
        if not layers:
            raise ConfigError("speech_encoder: layers is empty; [-1] takes the last")
        self.model = model
        self.network: Any  # a module of the transformers library
        self.processor: Any
        self.network, self.processor = load_encoder(model, allow_download, pretrained, dropout)
        config = self.network.config
        self.is_whisper = config.model_type == "whisper"
        wanted = bool(getattr(self.processor, "do_normalize", False))
        self.normalise = {"auto": wanted, "always": True, "never": False}[normalise]
        self.width: int = config.hidden_size
        depth: int = config.num_hidden_layers
        self.layers = [_layer(index, depth, model) for index in layers]
        config.apply_spec_augment, config.layerdrop = False, 0.0
        stack = self.network if self.is_whisper else self.network.encoder
        norms_last = self.is_whisper or getattr(config, "do_stable_layer_norm", False)
        if max(self.layers) < depth:
            del stack.layers[max(self.layers) :]
            if norms_last:
                stack.layer_norm = nn.Identity()  # it normalises the output of the last layer
        self.final_norm = final_norm and norms_last and max(self.layers) == depth
        if lora is not None and lora.rank:
            if tuned_layers:
                raise ConfigError(
                    f"lora_rank is {lora.rank}, and tuned_layers {tuned_layers}: adapters are for a frozen "
                    "encoder, so set one of them to 0"
                )
            add_lora(self.network, stack.layers, lora, model)
        self._freeze(stack, tuned_layers)
        if recompute:
            # the first name is that of newer versions, in which the second one warns
            old = self.network.gradient_checkpointing_enable
            getattr(self.network, "activation_checkpointing_enable", old)({"use_reentrant": False})
        self.train()

    def _freeze(self, stack: Any, tuned_layers: int) -> None:
        """Require gradients of the tuned layers only, and keep a list of them."""
        top = len(stack.layers)
        if not ALL <= tuned_layers <= top:
            problem = f"tuned_layers is {tuned_layers}, but {top} layers of {self.model} are in use"
            raise ConfigError(f"speech_encoder: {problem}: give 0 to {top}, or {ALL} for the whole encoder")
        self._tuned: list[nn.Module] = (
            [self.network] if tuned_layers == ALL else list(stack.layers[top - tuned_layers :])
        )
        learning = {id(p) for module in self._tuned for p in module.parameters()}
        if adapters := [p for name, p in stack.layers.named_parameters() if ".lora_" in name]:
            self._tuned, learning = list(stack.layers), set(map(id, adapters))
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(id(parameter) in learning and name not in FIXED)
        self._frozen = [name for name, parameter in self.named_parameters() if not parameter.requires_grad]

    def frozen_parameters(self) -> list[nn.Parameter]:
        """The parameters that stay frozen whatever `train.trainable` is."""
        return [self.get_parameter(name) for name in self._frozen]

    def train(self, mode: bool = True) -> "SpeechEncoder":
        """Set training mode for the tuned layers only."""
        super().train(False)
        for module in self._tuned:
            module.train(mode)
        return self

    def samples(self, num_frames: int) -> int:
        """Samples of the shortest clip that has `num_frames` frames."""
        if self.is_whisper:
            return (num_frames - 1) * WHISPER_STEP + 1
        size = num_frames
        for kernel, stride in zip(
            self.network.config.conv_kernel[::-1], self.network.config.conv_stride[::-1], strict=True
        ):
            size = (size - 1) * stride + kernel
        return size

    def forward(self, x: Tensor) -> Tensor:
        """(B, T) to (B, K, N, D). Raise DataError for clips shorter than one frame, or longer than Whisper
        takes.
        """
        return self._pooled(x, lambda states: states)

    def mean(self, x: Tensor) -> Tensor:
        """(B, T) to the mean over the chosen layers, (B, N, D), as `forward(x).mean(1)`, without all layers
        of a long clip at once.
        """
        return self._pooled(x, lambda states: states.mean(1))

    def _pooled(self, x: Tensor, pool: Callable[[Tensor], Tensor]) -> Tensor:
        if self.is_whisper:
            return pool(self._chosen(self._whisper(x)))
        if x.shape[-1] < self.samples(1):
            raise DataError(f"a clip of {x.shape[-1]} samples is too short for {self.model}: {TOO_SHORT}")
        if self.normalise:
            x = (x - x.mean(-1, keepdim=True)) / torch.sqrt(
                x.var(-1, keepdim=True, correction=0) + VARIANCE_FLOOR
            )
        parts = [
            pool(self._chosen(self._waveform(x[:, start:end])))[..., kept, :]
            for start, end, kept in self.pieces(x.shape[-1])
        ]
        return torch.cat(parts, dim=-2) if len(parts) > 1 else parts[0]

    def _chosen(self, states: dict[int, Tensor]) -> Tensor:
        return torch.stack([states[k] for k in self.layers], dim=1)

    def _waveform(self, x: Tensor) -> dict[int, Tensor]:
        """The chosen hidden states of the wav2vec 2.0 family, each (B, N, D): what enters a layer, or leaves
        the last one. The library would keep those of all layers.
        """
        stack, states = self.network.encoder, {}

        def keep_input(k: int, args: tuple, kwargs: dict) -> None:
            states[k] = args[0] if args else kwargs["hidden_states"]

        def keep_output(module: nn.Module, args: tuple, output: Any) -> None:
            states[len(stack.layers)] = output if isinstance(output, Tensor) else output[0]

        hooks = [
            stack.layers[k].register_forward_pre_hook(
                lambda module, args, kwargs, k=k: keep_input(k, args, kwargs), with_kwargs=True
            )
            for k in set(self.layers) - {len(stack.layers)}
        ]
        last = stack.layers[-1] if len(stack.layers) else stack
        hooks.append((stack.layer_norm if self.final_norm else last).register_forward_hook(keep_output))
        try:
            self.network(x)
        finally:
            for hook in hooks:
                hook.remove()
        return states

    def pieces(self, num_samples: int) -> list[tuple[int, int, slice]]:
        """(first sample, end, frames to keep) of the pieces that a clip is encoded in.

        A piece has at most LONGEST samples.
        """
        if num_samples <= LONGEST:
            return [(0, num_samples, slice(None))]
        hop, window = self.samples(2) - self.samples(1), self.samples(1)
        num_frames, context = (num_samples - window) // hop + 1, CONTEXT // hop
        most = (
            (LONGEST - window) // hop + 1 - 2 * context
        )  # frames to keep of a piece with context on both sides
        num_pieces = -(-num_frames // most)
        edges = [k * num_frames // num_pieces for k in range(num_pieces + 1)]
        pieces = []
        for first, end in zip(edges, edges[1:], strict=False):
            low, high = max(0, first - context), min(num_frames, end + context)
            pieces.append((low * hop, (high - 1) * hop + window, slice(first - low, end - low)))
        return pieces

    def _whisper(self, x: Tensor) -> dict[int, Tensor]:
        """The chosen hidden states of Whisper's encoder over the clip alone, each (B, N, D). A part of a
        frame at the end is padded.
        """
        encoder, table = self.network, self.network.embed_positions
        num_frames = -(-x.shape[-1] // WHISPER_STEP)
        if num_frames > table.num_embeddings:
            seconds, limit = x.shape[-1] / SAMPLE_RATE, table.num_embeddings * WHISPER_STEP / SAMPLE_RATE
            raise DataError(
                f"a clip of {seconds:.1f} s is longer than the {limit:.0f} s of {self.model}: crop it by "
                "length_rule"
            )
        x = torch.nn.functional.pad(x, (0, num_frames * WHISPER_STEP - x.shape[-1]))
        h = nn.functional.gelu(encoder.conv1(self._mels(x).to(table.weight.dtype)))
        h = nn.functional.gelu(encoder.conv2(h)).transpose(1, 2)
        h = h + table.weight[:num_frames]
        states, top = {}, len(encoder.layers)
        for k, layer in enumerate(encoder.layers):
            if k in self.layers:
                states[k] = h
            h = layer(h, None)
        states[top] = encoder.layer_norm(h) if self.final_norm else h
        return states

    def _mels(self, x: Tensor) -> Tensor:
        """Whisper's log-mel spectrogram of (B, T), (B, F, 2 N): by the library on a CPU, where x is
        otherwise.
        """
        if x.device.type != "cpu":
            return whisper_mels(x, self.processor)
        return self.processor(
            list(x.numpy()), sampling_rate=SAMPLE_RATE, padding="longest", return_tensors="pt"
        ).input_features


def whisper_mels(x: Tensor, processor: Any) -> Tensor:
    """What Whisper's `processor` gives for clips of one length (B, T), computed where they are: (B, F, 2 N).

    The logarithm of the mel power to the base 10, not lower than 8 below the clip's peak, and scaled.
    """
    window = torch.hann_window(processor.n_fft, device=x.device)
    spectrum = torch.stft(x, processor.n_fft, processor.hop_length, window=window, return_complex=True)
    filters = torch.from_numpy(processor.mel_filters).to(x.device, x.dtype)
    power = filters.T @ spectrum[..., :-1].abs().square()
    level = power.clamp_min(1e-10).log10()
    return (torch.maximum(level, level.amax((1, 2), keepdim=True) - 8) + 4) / 4


def _layer(index: int, depth: int, model: str) -> int:
    position = index if index >= 0 else depth + 1 + index
    if not 0 <= position <= depth:
        raise ConfigError(
            f"speech_encoder: layer {index} is not there: {model} has hidden states 0 to {depth}"
        )
    return position
