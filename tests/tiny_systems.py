"""Settings of systems that make them train in seconds, on tiny random encoders."""

from collections.abc import Iterable
from pathlib import Path

SHORT = "input: {num_samples: 16000}\ntrain: {epochs: 1, batch_size: 8}\n"
SYSTEMS = {
    "lfcc_gmm": "model: {num_components: 2, init_frames: 500}\n",
    "lfcc_lcnn": "input: {num_frames: 64}\ntrain: {epochs: 2, batch_size: 8}\n",
    "dada_audio": """
input:
  num_samples: 16000
  features: {{name: speech_encoder, model: {whisper}, layers: [1, 2], layer_pooling: mean}}
model: {{width: 32, bottleneck: 16, embedding: 16, attention: 8, head: [16], dropout: 0.1}}
train:
  batch_size: 8
  folds: 2
  optim: {{lr: 1.0e-3}}
  phases:
    - epochs: 1
      sampler: triplets
      triplets_by: label
      loss: {{name: triplet, margin: 0.5, distance: cosine}}
      early_stop: {{metric: abx}}
    - {{epochs: 2, sampler: balanced, loss: {{name: bce}}}}
""",
    "dada_text": """
input:
  kind: text_features
  features: {{name: text_encoder, model: {bert}, layers: [-2, -1], max_tokens: 16}}
model: {{embedding_size: 8}}
train:
  folds: 2
  phases:
    - trainable: [mlp]
      epochs: 1
      batch_size: 8
      sampler: triplets
      triplets_by: label
      loss: {{name: triplet, distance: l2}}
      early_stop: {{metric: loss}}
    - {{trainable: [classifier], epochs: 2, batch_size: 8, early_stop: {{metric: loss}}}}
""",
    **dict.fromkeys(("cqt_lcnn", "cqt_aasist"), SHORT),
    "w2v2_gmm": """
input:
  num_samples: 16000
  features: {{name: speech_encoder, model: {whisper}, layers: [-1]}}
model: {{num_components: 2, num_features: 32, init_frames: 500}}
""",
    "dada_mid": "model: {hidden: [16, 8]}\ntrain: {epochs: 2, batch_size: 8, optim: {lr: 1.0e-3}}\n",
}


def write_systems(recipe: Path, whisper: Path, bert: Path, names: Iterable[str] = SYSTEMS) -> None:
    """Write conf/<system>.yaml of a recipe for some of the systems above."""
    (recipe / "conf").mkdir(exist_ok=True)
    for name in names:
        yaml = SYSTEMS[name]
        text = yaml.format(whisper=whisper, bert=bert) if "{{" in yaml else yaml
        (recipe / "conf" / f"{name}.yaml").write_text(text)
