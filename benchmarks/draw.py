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

#: How the names of the benchmarks of a call begin, and two of them.
_MORE = "completed event and"
_SHORT = f"{_MORE} 1000 more"
_CLIENT = "client stream of 1000 events"

Benchmarks = dict[str, Any]
Release = dict[str, Benchmarks]


def main() -> None:
    folders = sorted(FOLDERS, key=lambda folder: Version(folder.name), reverse=True)
    releases = {folder.name: _read(folder) for folder in folders}
    # On the fixed release nothing is replaced: its calls alone are measured, as the limit.
    affected = {version: each for version, each in releases.items() if "start" in each}
    memory = {
        folder.name: json.loads((folder / "memory.json").read_text())
        for folder in folders
        if folder.name in affected
    }
    parts = [_intro(releases), _calls(releases), _tracers(affected), _start(affected)]
    parts += [_commands(affected), _memory(memory), _tried()]
    (DOCS / "cost.md").write_text("\n\n".join(parts) + "\n")
    _draw(affected)


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


def _interval(release: Release, name: str, variant: str) -> tuple[float, float]:
    """Return the 95 % interval of `_added`, by the order of the rounds' differences."""
    differences = sorted(1e6 * (there - here) for here, there in _pairs(release, name, variant))
    count = len(differences)
    low = max(0, int(count / 2 - 0.98 * count**0.5) - 1)
    return differences[low], differences[count - 1 - low]


def _pairs(release: Release, name: str, variant: str) -> Any:
    here, there = (release[each][name].get_values() for each in ("original", variant))
    return zip(here, there, strict=True)


def _original(release: Release, name: str) -> float:
    return 1e6 * float(release["original"][name].median())


def _per_event(release: Release) -> float:
    few, many = 100, 5_000
    added = [_added(release, f"{_MORE} {each} more") for each in (few, many)]
    return (added[1] - added[0]) / (many - few)


def _with_interval(release: Release, name: str, variant: str) -> str:
    low, high = _interval(release, name, variant)
    return f"{_added(release, name, variant):,.0f} ({low:,.0f} to {high:,.0f})"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _lengths(benchmarks: Benchmarks) -> list[tuple[int, str]]:
    """Return how many events precede the completed one, each with its benchmark's name."""
    return sorted((int(name.split()[-2]), name) for name in benchmarks if name.startswith(_MORE))


def _intro(releases: dict[str, Release]) -> str:
    bench = next(iter(releases.values()))["original"][f"{_MORE} 0 more"]
    metadata = bench.get_metadata()
    return f"""# What the patch costs

Written by `tox run -m benchmark`, with pyperf: the original and the patched `get_response`
take turns in one process, {bench.get_nvalue()} rounds in {bench.get_nrun()} processes. Ratios \
and differences are
medians over the rounds. Each call streams a completed event with usage and its details, and is
chained with `previous_response_id` unless its row says otherwise. The events are ready-made and
the client does nothing else, which is the least that a call can cost. In the HTTP rows the real
openai client reads from a server on loopback. Times are CPU time of the thread. HTTP rows
without "CPU time" include waiting. On 0.10.5, which has the fix, nothing is replaced: its rows
are the limit.
Machine: {metadata.get("cpu_model_name", metadata.get("platform"))}, \
Python {metadata["python_version"].split()[0]}.

![Time of a call by the length of its stream](cost.svg)"""


def _calls(releases: dict[str, Release]) -> str:
    rows = []
    for version, release in releases.items():
        names = [f"unchained, {_MORE} 0 more", *(name for _, name in _lengths(release["patched"]))]
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
            f"{_added(release, _SHORT):,.0f} ({_per_event(release):.2f} an event)",
            *(_with_interval(release, _CLIENT, variant) for variant in ("patched", *TRACERS)),
        ]
        for version, release in releases.items()
    ]
    head = ["added, µs", "the patch", "the patch, real client", *TRACERS]
    longest = max(_original(release, _CLIENT) for release in releases.values())
    return f"""## Beside tracers

Each alone, without the others, on the same 1,000 events of the real openai client, with the
95 % interval of the median in brackets. A call of that client takes up to {longest:,.0f} µs, so
the first column is from the table above. What the tracers do with a span once it has ended is
not in it.

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
                *(
                    f"{1e3 * start[name]:.0f} ms"
                    for name in (
                        "import, with wrapt imported",
                        "import, with wrapt imported, not compiled",
                        "import, without the SDK",
                    )
                ),
            ]
        )
    head = [
        "start of a worker",
        "import of the SDK's model",
        "import and apply the patch",
        "share of the start",
        "import the patch, wrapt is imported",
        "the same, without bytecode",
        "import the patch and wrapt",
    ]
    return f"""## A worker's start

The bytecode of each module is there, as after an installation with pip. Where Python may not
write it (`PYTHONDONTWRITEBYTECODE`) and the installer did not either, each import compiles.

{_table(head, rows)}"""


def _commands(releases: dict[str, Release]) -> str:
    rows = []
    for version, release in releases.items():
        seconds = {name: float(each.median()) for name, each in release["commands"].items()}
        for command in ("status", "verify"):
            whole, sdk = seconds[command], seconds[f"{command}: import of the SDK"]
            rows.append(
                [f"{version}, {command}", f"{whole:.1f} s", f"{sdk:.1f} s", f"{whole - sdk:.1f} s"]
            )
    head = ["", "the command", "import of the SDK", "the rest"]
    return f"""## The commands

CPU time of `agentex-usage-patch status` and `verify`, with that of all their processes, beside
what importing the SDK takes there: `status` imports it in one process, `verify` in two at once,
without the patch and with it.

{_table(head, rows)}"""


def _tried() -> str:
    """Return what was tried to make a call cheaper; written by hand."""
    return (Path(__file__).parent / "tried.md").read_text().strip()


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
        lengths = _lengths(release["patched"])
        at: Sequence[float] = range(len(lengths))
        ratios = [_ratio(release, name) for _, name in lengths]
        left.plot(at, ratios, marker="o", label=f"agentex-sdk {version}")
        left.set_xticks(at, [f"{count:,}" for count, _ in lengths])
    left.set(xlabel="events before the completed one", ylabel="patched : original", ylim=(1, None))
    left.set_title("a client that does nothing else")
    left.legend()
    series = {"patched": (_SHORT, "the patch"), **{name: (_CLIENT, name) for name in TRACERS}}
    for number, (variant, (name, label)) in enumerate(series.items()):
        at = [each + 0.25 * (number - 1) for each in range(len(releases))]
        added = [_added(each, name, variant) for each in releases.values()]
        ends = [_interval(each, name, variant) for each in releases.values()]
        errors = [
            [middle - low for middle, (low, _) in zip(added, ends, strict=True)],
            [high - middle for middle, (_, high) in zip(added, ends, strict=True)],
        ]
        bars = right.bar(at, added, 0.25, yerr=errors, capsize=3, label=label)
        right.bar_label(bars, fmt="{:,.0f}")
    right.set_xticks(range(len(releases)), [f"agentex-sdk {version}" for version in releases])
    right.set_ylabel("added to a call, µs")
    right.yaxis.set_major_formatter("{x:,.0f}")
    right.set_title("1,000 events, with 95 % intervals")
    right.margins(y=0.2)  # the legend is above the bars
    right.set_ylim(bottom=0)
    right.legend(loc="upper center", ncols=len(series))
    figure.savefig(DOCS / "cost.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
