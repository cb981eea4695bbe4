"""Write docs/cost.md and docs/cost.svg from what the benchmarks measured."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl
import pyperf
from packaging.version import Version

#: The environments, each with a folder named for its release in its temporary folder.
FOLDERS = Path(os.environ["BENCHMARKS"]).glob("benchmark-*/tmp/*")
DOCS = Path(__file__).resolve().parents[1] / "docs"
TRACERS = ("ddtrace", "openinference")

Benchmarks = dict[str, Any]
Release = dict[str, Benchmarks]


def main() -> None:
    folders = sorted(FOLDERS, key=lambda folder: Version(folder.name), reverse=True)
    releases = {folder.name: _read(folder) for folder in folders}
    memory = {folder.name: json.loads((folder / "memory.json").read_text()) for folder in folders}
    parts = [_intro(releases), _calls(releases), _tracers(releases), _start(releases)]
    (DOCS / "cost.md").write_text("\n\n".join([*parts, _memory(memory)]) + "\n")
    _draw(releases)


def _read(folder: Path) -> Release:
    suites = {
        file.stem: pyperf.BenchmarkSuite.load(str(file)).get_benchmarks()
        for file in folder.glob("*.json")
        if file.stem != "memory"
    }
    return {variant: {each.get_name(): each for each in suite} for variant, suite in suites.items()}


def _ratio(release: Release, name: str, variant: str = "patched") -> float:
    return float(median(there / here for here, there in _pairs(release, name, variant)))


def _added(release: Release, name: str, variant: str = "patched") -> float:
    """Return the microseconds that a variant adds to a call."""
    return 1e6 * float(median(there - here for here, there in _pairs(release, name, variant)))


def _pairs(release: Release, name: str, variant: str) -> Any:
    here, there = (release[each][name].get_values() for each in ("original", variant))
    return zip(here, there, strict=True)


def _original(release: Release, name: str) -> float:
    return 1e6 * float(release["original"][name].median())


def _per_event(release: Release, kind: str, few: int, many: int, variant: str = "patched") -> float:
    added = [_added(release, f"{kind} stream of {n} events".strip(), variant) for n in (few, many)]
    return (added[1] - added[0]) / (many - few)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _events(benchmarks: Benchmarks, kind: str) -> list[tuple[int, str]]:
    """Return the lengths of the streams of a kind, each with its benchmark's name."""
    words = [(name.split(), name) for name in benchmarks if name.startswith(kind)]
    return sorted((int(each[-2]), name) for each, name in words if each[-1] == "events")


def _intro(releases: dict[str, Release]) -> str:
    bench = next(iter(releases.values()))["original"]["stream of 0 events"]
    metadata = bench.get_metadata()
    return f"""# What the patch costs

Written by `tox run -m benchmark`, with pyperf: the original and the patched `get_response`
take turns in one process, {bench.get_nvalue()} rounds in {bench.get_nrun()} processes; ratios \
and differences are
medians over the rounds. Streams are ready-made events of a client that does nothing else,
which is the least that a call can cost: in the HTTP rows the real openai client reads from a
server on loopback. Times are CPU time of the thread, but for the waiting over HTTP.
Machine: {metadata.get("cpu_model_name", metadata.get("platform"))}, \
Python {metadata["python_version"].split()[0]}.

![Time of a call by the length of its stream](cost.svg)"""


def _calls(releases: dict[str, Release]) -> str:
    rows = []
    for version, release in releases.items():
        names = [name for _, name in _events(release["patched"], "stream")]
        names += [name for name in release["patched"] if name.startswith("HTTP")]
        rows += [
            [
                f"{version}, {name.replace('events, CPU', 'events, CPU time')}",
                f"{_original(release, name):,.1f}",
                f"{_added(release, name):,.1f}",
                f"{_ratio(release, name):.3f}",
            ]
            for name in names
        ]
    return "## A call\n\n" + _table(["", "original, µs", "added, µs", "patched : original"], rows)


def _tracers(releases: dict[str, Release]) -> str:
    rows = [
        [
            version,
            f"{_per_event(release, '', 100, 5_000):.2f}",
            *(
                f"{_per_event(release, 'client', 100, 1_000, variant):.2f}"
                for variant in ("patched", *TRACERS)
            ),
        ]
        for version, release in releases.items()
    ]
    head = ["added per event, µs", "the patch", "the patch, real client", *TRACERS]
    return f"""## Beside tracers

Each alone, without the others, on the same stream of the real openai client; the first
column is from the table above, where little else moves. What the tracers do with a span
once it has ended is not in it.

{_table(head, rows)}"""


def _start(releases: dict[str, Release]) -> str:
    rows = []
    for version, release in releases.items():
        start = {name: float(each.median()) for name, each in release["start"].items()}
        model, ours = start["import of the SDK's model"], start["import and apply"]
        rows.append(
            [
                version,
                f"{model:,.2f} s",
                f"{1e3 * ours:.0f} ms",
                f"{100 * ours / model:.2f} %",
                f"{1e3 * start['import, without the SDK']:.0f} ms",
            ]
        )
    head = [
        "start of a worker",
        "import of the SDK's model",
        "import and apply the patch",
        "of it",
        "import the patch alone, no SDK",
    ]
    return f"## A worker's start\n\n{_table(head, rows)}"


def _memory(memory: dict[str, Any]) -> str:
    rows = [
        [
            version,
            f"{seen['patched']['left by a call'] - seen['original']['left by a call']:.2f} bytes",
            *(
                f"{seen['patched'][name] - seen['original'][name]:,} bytes"
                for name in seen["patched"]
                if name.startswith("peak")
            ),
        ]
        for version, seen in memory.items()
    ]
    head = ["memory added", "left by a call, of 20,000", "held at most, 1,000 events", "100,000"]
    return f"## Memory\n\n{_table(head, rows)}"


def _draw(releases: dict[str, Release]) -> None:
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "cost"
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for version, release in releases.items():
        lengths = _events(release["patched"], "stream")
        at: Sequence[float] = range(len(lengths))
        ratios = [_ratio(release, name) for _, name in lengths]
        left.plot(at, ratios, marker="o", label=f"agentex-sdk {version}")
        left.set_xticks(at, [f"{count:,}" for count, _ in lengths])
    left.set(xlabel="events in the stream", ylabel="patched : original", ylim=(1, None))
    left.set_title("a client that costs nothing")
    left.legend()
    series = ("patched", *TRACERS)
    for number, variant in enumerate(series):
        at = [each + 0.25 * (number - 1) for each in range(len(releases))]
        added = [
            _added(each, "client stream of 1000 events", variant) for each in releases.values()
        ]
        bars = right.bar(at, added, 0.25, label="the patch" if variant == "patched" else variant)
        right.bar_label(bars, fmt="{:,.0f}")
    right.set_xticks(range(len(releases)), [f"agentex-sdk {version}" for version in releases])
    right.set(ylabel="added to a call, µs", yscale="log", ylim=(10, 100_000))
    right.set_title("the openai client, 1,000 events")
    right.legend()
    figure.savefig(DOCS / "cost.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
