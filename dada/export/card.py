"""The model card of an exported system: README.md, from the facts of export.json and nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dada import system_table
from dada.metrics.measures import MEASURES

NO_LICENCE = "none stated"


def model_card(facts: Mapping[str, Any]) -> str:
    """Return the card as Markdown, with the head that the Hugging Face Hub reads."""
    row = system_table.read_rows().get(facts["system"])
    described = f"{row.description}{f' ({row.paper})' if row.paper else ''}.\n" if row else ""
    parts = [
        _head(facts),
        f"# {facts['system']}\n",
        described,
        f"{facts['caveat']}\n",
        _use(facts),
        _output(facts),
        _results(facts["results"]),
        _thresholds(facts["operating_points"]),
        _origin(facts),
    ]
    return "\n".join(part for part in parts if part)


def _head(facts: Mapping[str, Any]) -> str:
    licence = [f"license: {facts['licence'].lower()}"] if facts["licence"] else []
    kind = "text-classification" if facts["task"] == "text" else "audio-classification"
    tags = ["tags:", "- audio-deepfake-detection", "- anti-spoofing"]
    return "\n".join(["---", *licence, "library_name: dada", f"pipeline_tag: {kind}", *tags, "---", ""])


def _use(facts: Mapping[str, Any]) -> str:
    speaker = " --speaker NAME" if facts["words"] else ""
    lines = ["## Use\n", "```sh", f"dada detect --model FOLDER clip.flac{speaker}"]
    if facts["score"] and not facts["words"]:
        lines.append("dada explain clip.flac --model FOLDER --out clip.html")
    lines.append("```\n")
    if "onnx" in facts:
        worst = max(facts["onnx"]["largest_difference"].values())
        lines.append(
            "`model.onnx` takes `waveform` (1, T) at 16 kHz and gives `logits` (1, K); on "
            f"{len(facts['onnx']['largest_difference'])} lengths they differ by at most {worst:.1e}.\n"
        )
    if facts["needs"]:
        lines.append(f"Pretrained models that have to be on the machine: {', '.join(facts['needs'])}.\n")
    return "\n".join(lines)


def _output(facts: Mapping[str, Any]) -> str:
    score, calibration = facts["score"], facts["calibration"]
    lines = [f"* Classes, in the order of the logits: {', '.join(facts['labels'])}."]
    if score:
        lines.append(f"* Score: {score['kind']}. A higher score means more bona fide.")
    if calibration:
        lines.append(
            f"* Calibration: log-likelihood ratio = {calibration['slope']:.4g} x score "
            f"{calibration['offset']:+.4g}, fitted on {calibration.get('fitted_on', 'dev')}."
        )
    elif score:
        lines.append("* The scores are not calibrated: they are no probabilities.")
    lines += [f"* {name} takes of a clip: {window}." for name, window in facts["windows"].items()]
    return "## Output\n\n" + "\n".join(lines) + "\n"


def _results(results: Mapping[str, Any]) -> str:
    if not results:
        return "## Results\n\nNone were measured when this folder was written.\n"
    names = [name for name in MEASURES if any(name in part["metrics"] for part in results.values())]
    heads = ["test set", *(MEASURES[name].title for name in names), "bona fide", "spoof", "training runs"]
    rows = [
        [
            split,
            *(_figure(part["metrics"].get(name), MEASURES[name].percent) for name in names),
            *(f"{part[key]:,}" for key in ("num_bonafide", "num_spoof")),
            str(len(part["seeds"])),
        ]
        for split, part in results.items()
    ]
    note = (
        "Means over the training runs, with the interval over resampled speakers; this folder is one of "
        "these runs."
    )
    return f"## Results\n\n{note}\n\n{_table(heads, rows)}"


def _figure(figure: Mapping[str, float] | None, percent: bool) -> str:
    if figure is None:
        return "–"
    scale, digits = (100, 1) if percent else (1, 3)
    low, high = figure["low"], figure["high"]
    interval = "" if low is None else f" [{scale * low:.{digits}f}, {scale * high:.{digits}f}]"
    return f"{scale * figure['mean']:.{digits}f}{interval}"


def _thresholds(points: Sequence[Mapping[str, Any]]) -> str:
    if not points:
        return ""
    heads = ["threshold on dev", "score", "bona fide below", "spoof at or above", "bona fide", "spoof"]
    rows = [
        [
            point["name"],
            f"{point['threshold']:+.4g}",
            *(f"{100 * point[key]:.1f} %" for key in ("p_miss", "p_fa")),
            *(f"{point[key]:,}" for key in ("num_bonafide", "num_spoof")),
        ]
        for point in points
    ]
    return f"## Thresholds\n\n{_table(heads, rows)}"


def _origin(facts: Mapping[str, Any]) -> str:
    origin = facts["provenance"]
    training = origin["training"]
    lines = [
        f"* Licence: {facts['licence'] or NO_LICENCE}.",
        f"* Trained by the recipe {origin['recipe']} (corpus {origin['corpus']}, protocol "
        f"{origin['protocol']}), seed {origin['seed']}, with dada {origin['dada']}.",
    ]
    if training.get("git"):
        lines.append(f"* Commit of the code: {training['git']}.")
    lines.append(f"* SHA-256 of the training run's weights: {origin['weights_sha256']}.")
    return "## Origin\n\n" + "\n".join(lines) + "\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
