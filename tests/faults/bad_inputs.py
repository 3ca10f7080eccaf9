"""Bad inputs of every command: each ends with exit code 2 and a message that holds some words.

A command runs in a folder with the `files` of its case. In commands, {recipe} is a finished recipe, {model} a
trained experiment, {clip} a recording and {test} a data directory of it, and {here} is the folder.
"""

import gzip
import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from faults.bad_files import c012, flac, pickled, samples, saved, sound, tensor, wav, zip_archive

SCORES = b"b1 2.0\nb2 1.5\ns1 -1.0\ns2 0.5\n"
KEY = b"b1 bonafide\nb2 bonafide\ns1 spoof\ns2 spoof\n"
EVALUATE = "evaluate --scores scores.txt --key key.txt"
NEW = "new-recipe mine --egs egs --audio audio --csv list.csv"
INIT = "detect --system aasist --init weights.pt {clip}"


@dataclass(frozen=True)
class BadInput:
    """`what` is wrong in a `command`; `message` is a part of the answer, `files` is name -> content."""

    what: str
    command: str
    message: str
    files: Mapping[str, bytes | Callable[[], bytes]] = field(default_factory=dict)


def _settings(*cases: tuple[str, str]) -> list[BadInput]:
    """Settings of a recipe, given on the command line."""
    return [
        BadInput(f"`{setting}`", f"run {{recipe}} --list {shlex.quote(setting)}", message)
        for setting, message in cases
    ]


def _of_system(*cases: tuple[str, str]) -> list[BadInput]:
    """Settings of the system lfcc_lcnn, given on the command line."""
    return [
        BadInput(f"`{setting}`", f"run {{recipe}} --list --system lfcc_lcnn {shlex.quote(setting)}", message)
        for setting, message in cases
    ]


def _flags(*cases: tuple[str, str]) -> list[BadInput]:
    return [BadInput(f"`dada {flags}`", flags, message) for flags, message in cases]


def _scored(what: str, message: str, scores: bytes | Callable[[], bytes], flags: str = "") -> BadInput:
    return BadInput(what, f"{EVALUATE} {flags}".strip(), message, {"scores.txt": scores, "key.txt": KEY})


def _key(what: str, message: str, key: bytes | Callable[[], bytes], flags: str = "") -> BadInput:
    return BadInput(what, f"{EVALUATE} {flags}".strip(), message, {"scores.txt": SCORES, "key.txt": key})


def _listed(what: str, message: str, csv: bytes | Callable[[], bytes], flags: str = "") -> BadInput:
    files = {"list.csv": csv, "audio/a.wav": sound, "audio/b.wav": sound, "egs/README.md": b""}
    return BadInput(what, f"{NEW} {flags}".strip(), message, files)


def _audio(
    what: str, name: str, message: str, content: bytes | Callable[[], bytes] | None = None, inside: str = ""
) -> list[BadInput]:
    """A clip that `detect`, `explain` and `validate` refuse alike.

    `content` is that of the file `name + inside`.
    """
    files = {} if content is None else {name.partition(":")[0] + inside: content}
    table = {"data/wav.scp": f"u {name}\n".encode(errors="surrogateescape"), "data/utt2label": b"u spoof\n"}
    return [
        BadInput(what, f"detect --model {{model}} {name}", message, files),
        BadInput(what, f"explain {name} --model {{model}} --out page.html", message, files),
        BadInput(what, "validate data", message, {**files, **table}),
    ]


SETTINGS = [
    *_settings(
        ("seeds=[]", "seeds is empty, and must hold at least 1"),
        ("seeds=[1,1]", "seeds holds 1 twice"),
        ("seeds=[-1]", "seeds[0] is -1, and must be at least 0"),
        ("seeds=one", "seeds is 'one', and must be a list"),
        ("seed=[1]", "did you mean 'seeds'"),
        ("systems=[lfcc_gm]", "unknown system 'lfcc_gm', did you mean 'lfcc_gmm'"),
        ("systems=[lfcc_gmm,lfcc_gmm]", "systems holds 'lfcc_gmm' twice"),
        ("protocols=[]", "protocols is empty"),
        ("protocol=other", "unknown protocol 'other'"),
        ("splits.test=test", "splits.test is 'test', and must be a list"),
        ("splits=[a]", "splits is ['a'], and must hold keys of its own"),
        ("stages=[trian]", "unknown stage 'trian'"),
        ("corpus.counts=[1]", "corpus.counts is [1], and must be a mapping"),
        ("corpus.counts.train.spoof=-1", "corpus.counts.train.spoof is -1"),
        ("corpus.options.exclude=[5]", "corpus.options.exclude is [5], and must be text"),
        ("corpus.audio=maybe", "corpus.audio is 'maybe', and must be true or false"),
        ("evaluate.num_resamples=0", "evaluate.num_resamples is 0, and must be at least 1"),
        ("evaluate.confidence=2", "evaluate.confidence is 2, and must be above 0 and below 1"),
        ("evaluate.asv={test: {scores: '{x}.txt'}}", "only {protocol} and {track} may stand in braces"),
        ("evaluate.asv={test: 5}", "evaluate.asv.test is 5"),
        ("evaluate.compare=[[lfcc_gmm]]", "must hold pairs of two systems"),
        ("evaluate.weighted_eer={test: 0}", "one must be above 0"),
        ("transcribe.backend=nope", "unknown transcribe.backend 'nope'"),
        ("text.dev_fraction=2", "text.dev_fraction is 2"),
        ("explain.methods={lfcc_lcnn: nope}", "explain.methods names lfcc_lcnn"),
        ("report=5", "report is 5, and must hold keys of its own"),
        ("seeds=[1", "command line: seeds=[1: "),
        (f"corpus.options={'[' * 60 + ']' * 60}", "more than 50 levels"),
        ("train.epochs=3", "say which system with --system"),
        ("seeds", "expected key=value"),
    ),
    *_of_system(
        ("train.epochs=-3", "train.epochs is -3, and must be at least 0"),
        ("train.epochs=many", "train.epochs is 'many', and must be a whole number"),
        ("train.epochs=1.5", "train.epochs is 1.5, and must be a whole number"),
        ("train.optim.lr=-1", "train.optim.lr is -1, and must be above 0"),
        ("train.optim.lr=nan", "train.optim.lr is nan"),
        ("train.optim.name=lion", "train.optim.name is 'lion'"),
        ("train.batch_size=0", "train.batch_size is 0, and must be at least 1"),
        ("train.num_workers=-1", "train.num_workers is -1, and must be at least 0"),
        ("train.mixed_precision=nope", "train.mixed_precision is 'nope'"),
        ("train.schedule.name=never", "train.schedule.name is 'never'"),
        ("train.loss={}", "train.loss.name is missing"),
        ("train.loss={name: crossentropy}", "did you mean 'cross_entropy'"),
        ("train.augment=[{}]", "train.augment[0].name is missing"),
        ("train.augment=[{name: rawboost}]", "works on waveform"),
        ("train.phases=[{folds: 2}]", "belongs to train, not to a phase"),
        ("threads=0", "threads is 0, and must be at least 1"),
        ("model={}", "model.name is missing"),
        ("model.num_layers=none", "model.num_layers is 'none'"),
        ("input.features={}", "input.features.name is missing"),
        ("input.features.num_filters=0", "input.features.num_filters is 0"),
        ("input.kind=sound", "input.kind is 'sound'"),
        ("labels=[a,a]", "labels holds 'a' twice"),
        ("branches={a: lfcc_lcnn}", "a system cannot be a branch of itself"),
    ),
]
COMMAND_LINES = _flags(
    ("", "usage: dada COMMAND"),
    ("detekt", "unknown command 'detekt'"),
    ("run", "the following arguments are required: recipe"),
    ("run nowhere", "nowhere/recipe.yaml does not exist"),
    ("run {recipe} --nj 0", "--nj must be 1 or more"),
    ("run {recipe} --nj two", "invalid int value: 'two'"),
    ("run {recipe} --ngpu -1", "--ngpu"),
    ("run {recipe} --cmd pbs", "unknown --cmd 'pbs'"),
    ("run {recipe} --stage trian_audio", "did you mean 'train_audio'"),
    ("run {recipe} --stage 99", "unknown stage '99'"),
    ("run {recipe} --stage 5 --stop-stage 4", "--stage 5 comes after --stop_stage 4"),
    ("run {recipe} --system lfcc_gm", "did you mean 'lfcc_gmm'"),
    ("run {recipe} --system other:lfcc_gmm", "other"),
    ("run {recipe} --system lfcc_lcnn --exp recipe.yaml", "recipe.yaml"),
    ("detect --offline {clip}", "is not on this machine, and nothing may be fetched"),
    ("detect --model {model} --system aasist {clip}", "the checkpoint aasist (1.3 MB, licence MIT"),
    ("detect --model nowhere {clip}", "nowhere does not exist"),
    ("detect --model {model} --seed 7 {clip}", "has no seed_7; there: seed_1"),
    ("detect --model {test} {clip}", "has no trained seed"),
    ("detect --model {model}/seed_1 --seed 2 {clip}", "has no seed_2; there: seed_1"),
    ("detect --system aasisst --init x {clip}", "did you mean 'aasist"),
    ("detect --system lfcc_ensemble --init x {clip}", "lfcc_ensemble is no audio system"),
    ("explain {clip} --model {model} --out {here}", "it is a folder"),
    ("explain {clip} --model {model} --out /proc/page.html", "no file can be made there"),
    ("explain {clip} --model {model} --out page.html --method shap", "unknown explanation method 'shap'"),
    ("explain {clip} --model {model} --out page.html occlusion.x=1", "has no setting 'x'"),
    ("validate nowhere", "nowhere"),
    ("validate {test} --nj 0", "'0' is not a number from 1"),
    ("validate {test} --disjoint colour", "utt2colour"),
    ("validate {test} {recipe}/data/dev --feats x", "--feats goes with one data directory"),
    ("models aasisst", "did you mean 'aasist"),
    ("publish nowhere", "does not exist"),
    ("compare-corpora nowhere", "nowhere/recipe.yaml does not exist"),
    ("compare-corpora {recipe} --exp other", "no results with metrics"),
    ("compare-corpora {recipe} --metric err", "did you mean 'eer'"),
    ("new-recipe a/b --audio {here}", "cannot name a recipe"),
    ("new-recipe mine --egs egs --audio nowhere", "is not a folder"),
    ("new-recipe mine --egs egs --audio {here} --columns file", "--columns file: write NAME=VALUE"),
)
SOUND = [
    *_audio("a missing clip", "none.wav", "does not exist"),
    *_audio("an empty file as a clip", "empty.wav", "is empty", b""),
    *_audio("text as a clip", "text.wav", "cannot be read as audio", b"It is not audio.\n"),
    *_audio("a folder as a clip", "folder", "is a folder", b"", "/x"),
    *_audio("a device as a clip", "/dev/zero", "is a device or a pipe"),
    *_audio("a FLAC that states 2^36 samples", "long.flac", "states", lambda: flac(samples=2**36 - 1)),
    *_audio(
        "a FLAC that states 100 Hz", "slow.flac", "states a sample rate of 100 Hz", lambda: flac(rate=100)
    ),
    *_audio("a WAV that states 2,147,483,647 Hz", "fast.wav", "states a sample rate", lambda: wav(2**31 - 1)),
    *_audio("half a FLAC", "half.flac", "cannot be read as audio", lambda: sound(format="FLAC")[:3000]),
    *_audio("NaN samples", "nan.wav", "NaN or infinite", lambda: samples(float("nan"))),
    *_audio("infinite samples", "inf.wav", "NaN or infinite", lambda: samples(float("inf"))),
    *_audio("MP4 sound", "clip.m4a", "ffmpeg", b"\0\0\0\x1cftypM4A \0\0\0\0M4A mp42isom\0\0\0\0"),
    *_audio("a name of 300 letters", f"{'a' * 300}.wav", "File name too long"),
    *_audio("an offset that is no number", "x.ark:²", "does not exist"),
    *_audio("an offset behind the end of an ark", "x.ark:99999", "x.ark", lambda: sound()),
    *_audio("a matrix as a clip", "m.ark:0", "matrix or vector", b"\0BFM \4\1\0\0\0\4\1\0\0\0\0\0\0\0"),
    *_audio("a name that is not UTF-8", "\udcff.wav", "does not exist")[:2],
]
WEIGHTS = [
    BadInput("missing weights", INIT, "does not exist"),
    BadInput("empty weights", INIT, "is no checkpoint", {"weights.pt": b""}),
    BadInput("text as weights", INIT, "is no checkpoint", {"weights.pt": b"weights\n"}),
    BadInput("a pickle that runs a command as weights", INIT, "it was not read", {"weights.pt": pickled}),
    BadInput(
        "a checkpoint that holds other objects", INIT, "weights.pt", {"weights.pt": saved(lambda: BadInput)}
    ),
    BadInput("half a checkpoint", INIT, "not all of one", {"weights.pt": lambda: saved(tensor)()[:300]}),
    BadInput("a tensor as weights", INIT, "weights.pt", {"weights.pt": saved(tensor)}),
    BadInput("a list as weights", INIT, "weights.pt", {"weights.pt": saved(lambda: [1, 2])}),
    BadInput("weights of no layer", INIT, "weights.pt", {"weights.pt": saved(dict)}),
    BadInput("a ZIP archive as weights", INIT, "is no checkpoint", {"weights.pt": zip_archive}),
]
SCORE_FILES = [
    BadInput("a missing score file", EVALUATE, "does not exist", {"key.txt": KEY}),
    BadInput("a missing key", EVALUATE, "does not exist", {"scores.txt": SCORES}),
    BadInput("scores without labels and no key", "evaluate --scores s.txt", "give --key", {"s.txt": SCORES}),
    BadInput(
        "a device as a score file", "evaluate --scores /dev/zero --key k", "device or a pipe", {"k": KEY}
    ),
    BadInput("a folder as a score file", "evaluate --scores . --key k", "is a folder", {"k": KEY}),
    BadInput(
        "a folder as a key", "evaluate --scores s --key .", "has neither wav.scp nor text", {"s": SCORES}
    ),
    _scored("an empty score file", "is empty", b""),
    _scored("scores that are not UTF-8", "is not UTF-8 text", SCORES + b"\xff 1\n"),
    _scored("binary scores", "scores.txt", bytes(range(256))),
    _scored("a score NaN", "score 'nan'", SCORES.replace(b"1.5", b"nan")),
    _scored("a score 1e999", "score '1e999'", SCORES.replace(b"1.5", b"1e999")),
    _scored("a score that is no number", "score 'high'", SCORES.replace(b"1.5", b"high")),
    _scored("a decimal comma", "with a point", SCORES.replace(b"1.5", b"1,5")),
    _scored("a trial with two scores", "b2 is there again with 1.7", SCORES + b"b2 1.7\n"),
    _scored("a line with another number of columns", "3 columns", SCORES.replace(b"b2 1.5", b"b2 1.5 9")),
    _scored("a trial that the key lacks", "are not in", SCORES + b"z 1\n"),
    _scored("a trial without a score", "have no score", SCORES.replace(b"b2 1.5\n", b"")),
    _scored("scores of another set", "another set", b"x 1\ny 2\n"),
    _scored("half a gzip file", "damaged gzip", lambda: gzip.compress(SCORES)[:-9]),
    _scored("a field of 200,000 characters", "scores.txt", b"b1 " + b"1" * 200_000 + b"\n"),
    _scored("JSON as scores", "scores.txt", json.dumps({"b1": 2.0}).encode()),
    _scored("`--columns` without a score", "names no trial or no score", SCORES, "--columns trial,label"),
    _scored("an unknown metric", "did you mean 'eer'", SCORES, "--metrics err"),
    _scored("an unknown condition", "unknown condition", SCORES, "--by codec"),
    _scored("`--cluster attack` without attacks", "names no attacks", SCORES, "--cluster attack"),
    _scored("`--resamples x`", "'x' is not a number from 1", SCORES, "--resamples x"),
    _scored("`--resamples -5`", "'-5' is not a number from 1", SCORES, "--resamples=-5"),
    _scored("a submission in the place of a folder", "is there already", SCORES, "--submission {here}"),
    _scored("missing ASV scores", "does not exist", SCORES, "--asv_scores none.txt"),
    _scored("an unknown subset", "subset", SCORES, "--subset progress"),
    _key("an empty key", "is empty", b""),
    _key("an unknown label", "label '1'", KEY.replace(b"s1 spoof", b"s1 1")),
    _key("a trial with two labels", "but spoof in line 3", KEY + b"s1 bonafide\n"),
    _key("a key of speaker verification", "--asv_key", KEY.replace(b"b1 bonafide", b"b1 target")),
    _key("an unknown layout of a key", "no known layout of a key", b"b1 what ever is\n"),
    _key("a key that is not UTF-8", "is not UTF-8 text", KEY.replace(b"s1", b"\xe9\xff")),
    BadInput(
        "a pickle that runs a command as t-DCF constants",
        f"{EVALUATE} --asv_scores c012.npy",
        "c012.npy",
        {"scores.txt": SCORES, "key.txt": KEY, "c012.npy": c012},
    ),
    BadInput(
        "JSON that is too deep as t-DCF constants",
        f"{EVALUATE} --asv_scores c012.json",
        "c012.json",
        {"scores.txt": SCORES, "key.txt": KEY, "c012.json": b"[" * 100_000},
    ),
]
LISTS = [
    BadInput("a missing list", NEW, "does not exist", {"audio/a.wav": sound, "egs/x": b""}),
    BadInput("a corpus without audio", "new-recipe mine --egs egs --audio egs", "audio", {"egs/x": b""}),
    _listed("an empty list", "is empty", b""),
    _listed("a list without rows", "no line below the names", b"file,label\n"),
    _listed("a list with unknown columns", "no column is given for `file`", b"x,y\na.wav,real\n"),
    _listed("a list without labels", "no column is given for `label`", b"file\na.wav\n"),
    _listed("a list with a short row", "1 values, but the first line names 2", b"file,label\na.wav\n"),
    _listed("a file listed twice", "is already in line 2", b"file,label\na.wav,real\na.wav,fake\n"),
    _listed("an empty label", "no 'label' is given", b"file,label\na.wav,\n"),
    _listed("an unknown label", "does not say what the label 'x'", b"file,label\na.wav,x\nb.wav,real\n"),
    _listed("one label only", "no line of", b"file,label\na.wav,real\nb.wav,real\n"),
    _listed("open quotes", "correct the quotes", b'file,label\n"a.wav,real\n'),
    _listed("a list that is not UTF-8", "is not UTF-8 text", b"file,label\n\xe9\xff.wav,real\n"),
    _listed("a binary list", "list.csv", bytes(range(256))),
    _listed("a file that is not there", "c.wav", b"file,label\nc.wav,real\nb.wav,fake\n"),
    _listed(
        "a column that is not there",
        "no column 'codec'",
        b"file,label\na.wav,real\n",
        "--columns codec=codec",
    ),
    _listed("a split that has no meaning", "split", b"file,label,split\na.wav,real,x\nb.wav,fake,y\n"),
    _listed(
        "labels that map elsewhere", "map to", b"file,label\na.wav,r\nb.wav,f\n", "--labels r=true f=fake"
    ),
]
TABLES = [
    BadInput(f"a data directory {what}", "validate data --no_audio", message, files)
    for what, message, files in (
        ("without wav.scp and text", "has neither wav.scp nor text", {"data/utt2spk": b"u s\n"}),
        ("with a pipe", "is a shell pipe", {"data/wav.scp": b"u sox x.wav -t wav - |\n"}),
        ("with an unsorted table", "comes after", {"data/text": b"v a\nu b\n"}),
        ("with an utterance twice", "is there twice", {"data/text": b"u a\nu b\n"}),
        ("with an empty table", "is empty", {"data/text": b""}),
        ("with a table that is not UTF-8", "is not UTF-8 text", {"data/text": b"u \xe9\xff\n"}),
        ("with a key alone", "write `key value`", {"data/text": b"u a\n", "data/utt2spk": b"u\n"}),
        (
            "with an unknown label",
            "write bonafide or spoof",
            {"data/text": b"u a\n", "data/utt2label": b"u x\n"},
        ),
        (
            "with other utterances in a table",
            "has no line for u",
            {"data/text": b"u a\n", "data/utt2spk": b"v s\n"},
        ),
        (
            "with segments",
            "segments of recordings are not read",
            {"data/text": b"u a\n", "data/segments": b"u r 0 1\n"},
        ),
    )
] + [
    BadInput(
        what,
        "validate data --feats feats.scp",
        message,
        {"data/text": b"u a\n", "utt2num_frames": b"u 1\n", **files},
    )
    for what, message, files in (
        ("a missing index of features", "does not exist", {}),
        ("features in a device", "is a device or a pipe", {"feats.scp": b"u /dev/zero:0\n"}),
        ("features in a missing ark", "does not exist", {"feats.scp": b"u none.ark:0\n"}),
        ("features without an offset", "is not `file.ark:offset`", {"feats.scp": b"u x.ark:\xc2\xb2\n"}),
        (
            "an ark that states 2^31 values",
            "its head states",
            {"feats.scp": b"u x.ark:0\n", "x.ark": b"\0BFM \4\xff\xff\xff\x7f\4\xff\xff\xff\x7f"},
        ),
        (
            "a pickle in an ark",
            "Python pickle, which could run a command",
            {"feats.scp": b"u x.ark:0\n", "x.ark": b"PKL" + pickled()},
        ),
    )
]
INPUTS = {
    "Settings": SETTINGS,
    "Command lines": COMMAND_LINES,
    "Audio": SOUND,
    "Weights": WEIGHTS,
    "Score files and keys": SCORE_FILES,
    "Lists of a corpus": LISTS,
    "Data directories and features": TABLES,
}
