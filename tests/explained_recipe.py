"""Settings of the tiny recipe whose systems are explained."""

SYSTEMS = ["lfcc_lcnn", "dada_audio", "lfcc_gmm"]
SETTINGS = [
    f"explain.systems=[{','.join(SYSTEMS)}]",
    "explain.num_utterances=2",
    "explain.num_checked=1",
    "explain.num_steps=4",
]
