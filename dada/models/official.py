"""Reading the checkpoints that authors published: their names of parameters to ours."""

import logging
import re
from collections.abc import Callable, Iterable, Mapping

from torch import Tensor

Rule = tuple[str, str | Callable[[re.Match], str]]  # a regular expression, and what it becomes

log = logging.getLogger(__name__)


def rename(state: Mapping[str, Tensor], rules: Iterable[Rule]) -> dict[str, Tensor]:
    """The tensors under new names: every rule is applied to every name, in order. `module.` of data-parallel
    training is left out.

    >>> rename({"module.first_bn.weight": 1}, [(r"^first_bn", "norm")])
    {'norm.weight': 1}
    """
    renamed = {}
    for name, value in state.items():
        name = name.removeprefix("module.")
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        renamed[name] = value
    return renamed


PRETRAINING = ("quantizer.", "project_q.", "final_proj.")  # heads that only serve the encoder's pre-training
# fairseq's names of wav2vec 2.0, XLS-R and MMS, to those of transformers' Wav2Vec2Model
FAIRSEQ_NAMES: tuple[Rule, ...] = (
    (r"^mask_emb$", "masked_spec_embed"),
    (r"^layer_norm\.", "feature_projection.layer_norm."),
    (r"^post_extract_proj\.", "feature_projection.projection."),
    (r"^(feature_extractor\.conv_layers\.\d+)\.0\.", r"\1.conv."),
    (
        r"^(feature_extractor\.conv_layers\.\d+)\.2\.(1\.)?",
        r"\1.layer_norm.",
    ),  # base models have a group norm
    (r"^encoder\.pos_conv\.0\.bias$", "encoder.pos_conv_embed.conv.bias"),
    (r"^encoder\.pos_conv\.0\.weight_g$", "encoder.pos_conv_embed.conv.parametrizations.weight.original0"),
    (r"^encoder\.pos_conv\.0\.weight_v$", "encoder.pos_conv_embed.conv.parametrizations.weight.original1"),
    (r"\.self_attn_layer_norm\.", ".layer_norm."),
    (r"\.self_attn\.", ".attention."),
    (r"\.fc1\.", ".feed_forward.intermediate_dense."),
    (r"\.fc2\.", ".feed_forward.output_dense."),
)


def encoder_from_fairseq(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """An encoder's tensors under fairseq's names to those of transformers.

    The heads of its pre-training are left out, and the log names them.
    """
    unused = [name for name in state if name.startswith(PRETRAINING)]
    if unused:
        log.info("the encoder's pre-training heads are not used: %s", ", ".join(unused))
    return rename({name: value for name, value in state.items() if name not in unused}, FAIRSEQ_NAMES)


# openai-whisper's names of an encoder, to those of transformers
WHISPER_NAMES: tuple[Rule, ...] = (
    (r"^positional_embedding$", "embed_positions.weight"),
    (r"^ln_post\.", "layer_norm."),
    (r"^blocks\.", "layers."),
    (r"\.attn_ln\.", ".self_attn_layer_norm."),
    (r"\.attn\.query\.", ".self_attn.q_proj."),
    (r"\.attn\.key\.", ".self_attn.k_proj."),
    (r"\.attn\.value\.", ".self_attn.v_proj."),
    (r"\.attn\.out\.", ".self_attn.out_proj."),
    (r"\.mlp_ln\.", ".final_layer_norm."),
    (r"\.mlp\.0\.", ".fc1."),
    (r"\.mlp\.2\.", ".fc2."),
)


def encoder_from_whisper(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of Whisper's encoder under the names of openai-whisper to those of transformers."""
    return rename(state, WHISPER_NAMES)


def with_encoder(
    state: Mapping[str, Tensor],
    prefix: str,
    rules: Iterable[Rule],
    encoder_names: Callable[[Mapping[str, Tensor]], dict[str, Tensor]] = encoder_from_fairseq,
) -> dict[str, Tensor]:
    """A published checkpoint of a speech encoder and a head, to the names of `dada.models.audio._ssl`.

    `prefix` stands before the encoder's names, which `encoder_names` turns; `rules` rename the head.
    """
    plain = rename(state, [])
    encoder = {name.removeprefix(prefix): value for name, value in plain.items() if name.startswith(prefix)}
    head = {name: value for name, value in plain.items() if not name.startswith(prefix)}
    named = {f"encoder.network.{name}": value for name, value in encoder_names(encoder).items()}
    # the mean of several checkpoints makes numbers with a fraction of the counts of batches
    renamed = {
        name: value.long() if name.endswith("num_batches_tracked") else value
        for name, value in rename(head, rules).items()
    }
    return {**named, **renamed}
