"""How fast, and in how much memory, a dump of Wikiquote is read: a synthetic one of 50,000 pages, written on
the fly.

Pages are made from a seed: persons (two in five, with sections, nested lists, templates, references,
misattributed quotes), redirects, films and talk pages, in the proportions that keep the work honest; the
words are drawn at random with frequencies like English ones. Nothing is downloaded.

example:
  python benchmarks/wikiquote_dump.py --pages 50000 --nj 2
"""

import argparse
import bz2
import itertools
import json
import random
import resource
import tempfile
import time
from pathlib import Path
from xml.sax.saxutils import escape

from dada.text.english import ENGLISH
from dada.text.wikidump import Reading, read_dump

HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">
  <siteinfo>
    <sitename>Wikiquote</sitename>
    <dbname>enwikiquote</dbname>
    <namespaces>
      <namespace key="0" case="first-letter" />
      <namespace key="1" case="first-letter">Talk</namespace>
    </namespaces>
  </siteinfo>
"""


def main() -> None:
    """Write a dump, read it, and print what it cost as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=50_000)
    parser.add_argument("--nj", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "enwikiquote-synthetic-pages-articles.xml.bz2"
        num_bytes = write_dump(path, args.pages, args.seed)
        reading, start, cpu = Reading(), time.monotonic(), time.process_time()
        num_words = sum(len(quote.text.split()) for quote in read_dump(path, reading, args.nj))
        seconds = time.monotonic() - start
        peak = max(
            resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        print(
            json.dumps(
                {
                    "pages": args.pages,
                    "nj": args.nj,
                    "xml_mb": round(num_bytes / 1e6, 1),
                    "bz2_mb": round(path.stat().st_size / 1e6, 1),
                    "seconds": round(seconds, 1),
                    "cpu_seconds_of_the_reader": round(time.process_time() - cpu, 1),
                    "pages_per_second": round(args.pages / seconds),
                    "xml_mb_per_second": round(num_bytes / 1e6 / seconds, 2),
                    "peak_rss_mb_of_a_process": round(peak / 1024),
                    "words": num_words,
                    "counts": dict(reading.counts),
                },
                indent=1,
            )
        )


def write_dump(path: Path, num_pages: int, seed: int) -> int:
    """Write a dump of `num_pages`, compressed; returns the bytes of its XML. The same for the same seed."""
    rng, num_bytes = random.Random(seed), 0
    with bz2.open(path, "wt", encoding="utf-8", compresslevel=1) as file:
        for part in itertools.chain(
            [HEAD], (page(rng, number) for number in range(1, num_pages + 1)), ["</mediawiki>\n"]
        ):
            file.write(part)
            num_bytes += len(part.encode())
    return num_bytes


def page(rng: random.Random, number: int) -> str:
    """One <page>: of ten, four are persons, three redirects, two films, one a talk page."""
    kind = number % 10
    redirect = f'<redirect title="Person {number // 10 * 10}" />' if kind in (4, 5, 6) else ""
    text = "#REDIRECT" if redirect else person(rng) if kind < 4 else film(rng) if kind < 9 else "* talk"
    title = f"Person {number}" if kind < 4 else f"Talk:Page {number}" if kind == 9 else f"Page {number}"
    return (
        f"  <page>\n    <title>{title}</title>\n    <ns>{int(kind == 9)}</ns>\n    <id>{number}</id>\n    "
        f"{redirect}\n    <revision>\n"
        f"      <id>{number + 10**6}</id>\n"
        "      <timestamp>2024-01-01T00:00:00Z</timestamp>\n      <model>wikitext</model>\n      "
        "<format>text/x-wiki</format>\n"
        f'      <text xml:space="preserve">{escape(text)}</text>\n    </revision>\n  </page>\n'
    )


def sentence(rng: random.Random) -> str:
    """Five to thirty words, some of them linked or stressed."""
    chosen = [WORDS[int(len(WORDS) * rng.random() ** 2)] for _ in range(rng.randint(5, 30))]
    if rng.random() < 0.3:
        chosen[-1] = f"[[{chosen[-1]}|{chosen[-1]}]]"
    if rng.random() < 0.2:
        chosen[0] = f"''{chosen[0]}''"
    return " ".join(chosen).capitalize() + "."


def person(rng: random.Random) -> str:
    """A person's page of 5 to 40 quotes."""
    lines = [
        "{{wikipedia}}\n[[File:A.jpg|thumb|"
        + sentence(rng)
        + "]]\n'''A person''' (1900–1980) was known.\n== Quotes =="
    ]
    for i in range(rng.randint(5, 40)):
        if i % 8 == 7:
            lines.append(f"=== ''A work'' ({1920 + i}) ===")
        lines.append(f"* {sentence(rng)} {sentence(rng)}<ref>{{{{cite book|title=A|year=1950}}}}</ref>")
        lines.append(f"** ''A letter to somebody'' ({1920 + rng.randint(0, 50)}), p. {i}")
        if i % 5 == 0:
            lines.append(f"*** {sentence(rng)}")
    lines += [
        "== Misattributed ==",
        f"* {sentence(rng)}",
        "== Quotes about this person ==",
        f"* {sentence(rng)}",
        "== External links ==",
        "* [http://example.org A page]",
    ]
    return "\n".join([*lines, "[[Category:1900 births]]\n[[Category:1980 deaths]]"])


def film(rng: random.Random) -> str:
    """A film's page, which is passed over."""
    return "\n".join(
        [f"== Scene {i} ==\n:'''Al''': {sentence(rng)}\n:'''Bo''': {sentence(rng)}" for i in range(10)]
        + ["[[Category:1990 films]]"]
    )


WORDS = sorted(ENGLISH) + [
    f"{a}{b}{c}"
    for a in ("tra", "mo", "ver", "sil", "con")
    for b in ("li", "den", "ta", "ro")
    for c in ("ment", "sion", "ble", "ty", "ness")
]

if __name__ == "__main__":
    main()
