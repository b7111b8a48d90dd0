"""Turn the figures of benchmarks into tables that people read.

    python benchmarks/tables.py    # writes every table of docs/benchmarks.md again from the figures

The text around the tables stays as it is.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
PAGE = HERE.parent / "docs" / "benchmarks.md"

_STAGES = {
    "encode": "encode one image, 1024 x 1024",
    "click": "one click, three masks",
    "boxes": "64 boxes, one mask each",
}
_PEERS = ("transformers", "sam2")


def main() -> None:
    """Write all tables into the page."""
    from masklet.eval.bench.page_tables import replace_tables  # noqa: PLC0415  # as below

    tables = all_tables()
    replace_tables(PAGE, tables)
    print(f"{PAGE}: {', '.join(tables)}")


def all_tables() -> Mapping[str, str]:
    """The tables of the page by name, from the figures in `results`."""
    # Not with this file: the benchmarks that import it measure how long torch takes to be imported.
    from masklet.eval.bench.speed_records import read_bench  # noqa: PLC0415
    from masklet.eval.bench.speed_table import bench_markdown  # noqa: PLC0415

    return {
        "bench": bench_markdown(read_bench(RESULTS / "bench.json")),
        "image": image_table(_figures("image")),
        "image_two": image_table(_figures("image_two")),
        "precision": precision_table(_figures("precision")),
        "profiles": profiles_table(_figures("profiles")),
        "rewrites": rewrites_table(_figures("rewrites")),
        "video": video_table(_figures("video")),
        "video_two": video_table(_figures("video_two")),
    }


def image_table(figures: dict[str, Any]) -> str:
    """The figures of `image.py` as Markdown.

    A ratio is our time over the faster peer's in float32; the floor is the reference's arithmetic
    at the float32 matrix product rate of the process, so an exact rewrite can go below it.
    """
    environment = figures["environment"]
    versions = ", ".join(f"{name} {environment[name]}" for name in ("torch", *_PEERS))
    lines = [
        f"{environment['cpu']}, {environment['threads']} threads; {versions}.",
        "Seconds of wall time, medians, the quietest of the rounds.",
        "",
        "| model | what | transformers | sam2 | Masklet | ratio | floor | bfloat16 | ratio | peers |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for size, of_size in figures["sizes"].items():
        lines += [_row(size, stage, of_size) for stage in _STAGES]
        lines += [_memory_row(size, of_size), _load_row(size, of_size)]
    lines += [
        "",
        "| IoU with Masklet float32 | click, mean | least | boxes, mean | least | other candidate |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for size, of_size in figures["sizes"].items():
        lines += _agreement_rows(size, of_size["agreement"])
    return "\n".join(lines) + "\n"


def _row(size: str, stage: str, of_size: dict[str, Any]) -> str:
    exact, narrow = of_size["float32"], of_size["bfloat16"]
    best = min(exact[peer][stage]["wall_s"] for peer in _PEERS)
    ours, ours_narrow = exact["masklet"][stage]["wall_s"], narrow["masklet"][stage]["wall_s"]
    floor = of_size["flops"][stage] / exact["masklet"]["matmul_gflops"]
    peers_narrow = min(narrow[peer][stage]["wall_s"] for peer in _PEERS)
    times = " | ".join(f"{exact[peer][stage]['wall_s']:.3f}" for peer in _PEERS)
    return (
        f"| {size} | {_STAGES[stage]} | {times} | **{ours:.3f}** | {ours / best:.2f} | {floor:.3f} "
        f"| {ours_narrow:.3f} | {ours_narrow / best:.2f} | {peers_narrow:.3f} |"
    )


def _memory_row(size: str, of_size: dict[str, Any]) -> str:
    """Peak memory of the boxes above the loaded model, MiB."""

    def above(figures: dict[str, Any]) -> float:
        return float(figures["boxes_peak_mib"] - figures["loaded_mib"])

    exact, narrow = of_size["float32"], of_size["bfloat16"]
    best = min(above(exact[peer]) for peer in _PEERS)
    times = " | ".join(f"{above(exact[peer]):.0f}" for peer in _PEERS)
    ours, ours_narrow = above(exact["masklet"]), above(narrow["masklet"])
    return (
        f"| {size} | MiB for 64 boxes above the loaded model | {times} | **{ours:.0f}** "
        f"| {ours / best:.2f} | | {ours_narrow:.0f} | {ours_narrow / best:.2f} "
        f"| {min(above(narrow[peer]) for peer in _PEERS):.0f} |"
    )


def _load_row(size: str, of_size: dict[str, Any]) -> str:
    exact, narrow = of_size["float32"], of_size["bfloat16"]
    best = min(exact[peer]["load_s"] for peer in _PEERS)
    times = " | ".join(f"{exact[peer]['load_s']:.2f}" for peer in _PEERS)
    ours, ours_narrow = exact["masklet"]["load_s"], narrow["masklet"]["load_s"]
    return (
        f"| {size} | import and load | {times} | **{ours:.2f}** | {ours / best:.2f} | "
        f"| {ours_narrow:.2f} | {ours_narrow / best:.2f} | |"
    )


def _agreement_rows(size: str, agreement: dict[str, Any]) -> list[str]:
    rows = []
    for name in ("transformers float32", "sam2 float32", "masklet bfloat16", "sam2 bfloat16"):
        figures = [
            f"{agreement[f'{name} {stage}'][part]:.4f}"
            for stage in ("click", "boxes")
            for part in ("mean", "least")
        ]
        others = agreement[f"{name} boxes"]["other_candidate"]
        rows.append(f"| {size}, {name} | {' | '.join(figures)} | {others} of 64 |")
    return rows


def precision_table(figures: dict[str, Any]) -> str:
    """The figures of `precision.py` as Markdown."""
    lines = [
        "| bfloat16 beside float32 | masks | mean IoU | median | above 0.99 | below 0.9 |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, of in figures["agreement"].items():
        shares = f"{of['above_0.99']:.1%} | {of['below_0.9']:.1%}"
        lines.append(
            f"| {name} | {of['masks']} | {of['mean']:.4f} | {of['median']:.4f} | {shares} |"
        )
    return "\n".join(lines) + "\n"


def rewrites_table(figures: dict[str, Any]) -> str:
    """The figures of `rewrites.py` as Markdown."""
    torch, onednn = (" to ".join(_rates(figures, library)) for library in ("torch", "onednn"))
    products = f"products of 1024 x 1024 at {torch} GFLOP/s by torch, {onednn} by oneDNN"
    lines = [
        f"{figures['environment']}; {products}.",
        "Milliseconds of processor time.",
        "",
        "| rewrite | in | plain form | measured on | plain | ours | ratio | difference |",
        "|---|---|---|---|--:|--:|--:|--:|",
    ]
    for row in figures["rows"]:
        before, after = row["before_ms"], row["after_ms"]
        ratio = after / before
        lines.append(
            f"| {row['name']} | `{row['where']}` | {row['plain']} | {row['part']} "
            f"| {_milliseconds(before)} | {_milliseconds(after)} "
            f"| {f'{ratio:.2f}' if ratio >= 0.01 else '<0.01'} "
            f"| {_difference(row['difference'])} of {row['scale']:.2g} |"
        )
    return "\n".join(lines) + "\n"


def profiles_table(figures: dict[str, Any]) -> str:
    """The figures of `profiles.py` as Markdown, both forms side by side."""
    lines = [
        f"{figures['environment']}. Milliseconds of processor time, shared out as torch's profiler says."
    ]
    for of in figures["profiles"]:
        before, after = of["before"], of["after"]
        plain, ours = _milliseconds(before["whole_ms"]), _milliseconds(after["whole_ms"])
        lines += [
            "",
            f"**{of['name']}**, {of['part']}: {plain} ms in the plain form, {ours} in ours",
            "",
            "| plain form | calls | ms | ours | calls | ms |",
            "|---|--:|--:|---|--:|--:|",
        ]
        for pair in zip(before["operators"], after["operators"], strict=True):
            cells = (
                f"`{one['name']}` | {one['calls']} | {_milliseconds(one['ms'])}" for one in pair
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _milliseconds(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.3f}"


def _rates(figures: dict[str, Any], library: str) -> list[str]:
    """Of the rates before and after, the lower and the higher, or the one that both are."""
    return sorted({f"{rates[library]:.0f}" for rates in figures["rates"]}, key=int)


def _difference(value: float) -> str:
    return f"{value:.0e}" if value else "0"


def video_table(figures: dict[str, Any]) -> str:
    """The figures of `video.py` as Markdown; ratios are to the faster peer in float32."""
    environment = figures["environment"]
    versions = ", ".join(f"{name} {environment[name]}" for name in ("torch", *_PEERS))
    clock = "processor time" if environment["threads"] == 1 else "wall time"
    lines = [
        f"{environment['cpu']}, {environment['threads']} threads; {versions}. Seconds of {clock}.",
        "",
        "| what | transformers | sam2 | Masklet | ratio | bfloat16 | ratio |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for count, of_count in figures.get("first", {}).items():
        times = {name: of_count[name]["first_s"] for name in (*_PEERS, "masklet")}
        best = min(times[peer] for peer in _PEERS)
        lines.append(
            f"| first mask of a clip of {count} pictures | {times['transformers']:.2f} "
            f"| {times['sam2']:.2f} | **{times['masklet']:.2f}** | {times['masklet'] / best:.2f} | | |"
        )
    lines += [_objects_row(count, of) for count, of in figures.get("frames", {}).items()]
    if "seek" in figures:
        seek = figures["seek"]
        took = f"{seek['first_s']:.2f} s, of which opening {seek['open_s']:.2f} s"
        where = f"the last of {seek['frames']:,} frames of an H.264 file"
        lines += ["", f"First mask on {where}: {took}; {seek['decoded']} frames decoded."]
    if "memory" in figures:
        lines += _memory_table(figures["memory"])
    if "frames" in figures:
        lines += _video_agreement(figures["frames"])
    return "\n".join(lines) + "\n"


def _objects_row(count: str, of_count: dict[str, Any]) -> str:
    exact, narrow = of_count["float32"], of_count["bfloat16"]["masklet"]["frame_s"]
    best = min(exact[peer]["frame_s"] for peer in _PEERS)
    times = " | ".join(f"{exact[peer]['frame_s']:.2f}" for peer in _PEERS)
    ours = exact["masklet"]["frame_s"]
    what = "1 object, 7 memories" if count == "1" else f"{count} objects, 4 memories"
    return (
        f"| a frame, {what} | {times} | **{ours:.2f}** | {ours / best:.2f} "
        f"| {narrow:.2f} | {narrow / best:.2f} |"
    )


def _memory_table(of_sides: dict[str, Any]) -> list[str]:
    """Highest memory above the loaded model, MiB, by the length of the clip."""
    lines = []
    for side, of_libraries in of_sides.items():
        counts = list(of_libraries["masklet"])
        heads = " | ".join(f"{count} frames" for count in counts)
        lines += [
            "",
            f"| MiB above the loaded model, {side} x {side} | {heads} | a frame more |",
            "|---" + "|--:" * (len(counts) + 1) + "|",
        ]
        for library, of_counts in of_libraries.items():
            above = [of["peak_mib"] - of["loaded_mib"] for of in of_counts.values()]
            slope = (above[-1] - above[0]) / (int(counts[-1]) - int(counts[0]))
            peaks = " | ".join(f"{value:.0f}" for value in above)
            lines.append(f"| {library} | {peaks} | {slope:.2f} |")
    return lines


def _video_agreement(of_counts: dict[str, Any]) -> list[str]:
    lines = [
        "",
        "| IoU with Masklet float32 on the last frame | objects | mean | least |",
        "|---|--:|--:|--:|",
    ]
    for count, of_count in of_counts.items():
        for name, iou in of_count["agreement"].items():
            if name != "masklet float32":
                lines.append(f"| {name} | {count} | {iou['mean']:.4f} | {iou['least']:.4f} |")
    return lines


def _figures(name: str) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return figures


if __name__ == "__main__":
    main()
