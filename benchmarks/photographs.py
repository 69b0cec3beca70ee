"""A colour recipe on 25,000 real photographs of 32 x 32, told the classes and not: pictures, and figures.

    GANFORGE_DATA=FOLDER python benchmarks/photographs.py --work DIR     # FOLDER holds photos32-train.zip and -test.zip

Each run takes one thread. Its last snapshot is judged against the training photographs, with the 5,000 test photographs
held out to tell copies; then against the test photographs themselves. A finished run in DIR is not trained again.
"""

import argparse
import json
import os
import statistics
from pathlib import Path
from typing import Any

from family import as_option, call
from reporting import write_results

from ganforge.judging.description import in_words, number
from ganforge.run.folder import RunFolder

RUNS: dict[str, dict[str, Any]] = {"fast": {}, "fast-conditional": {"conditional": True, "grid_size": 10}}
FIGURES = ("FD/random", "KID/random", "precision/random", "recall/random", "density/random", "coverage/random",
           "copies/pixels", "AuthPct/pixels", "C_T/pixels")  # fmt: skip


def rows_of(name: str, records: list[dict[str, Any]]) -> list[str]:
    """A row for each protocol, the value and its floor in each cell."""
    lines = []
    for record in sorted(records, key=lambda record: -record["protocol"]["num_reals"]):
        cells = []
        for figure in FIGURES:
            found = record["figures"].get(figure)
            cells.append(f"{number(found['value'])} ({number(found['floor'])})" if found else "-")
        against = Path(record["protocol"]["data"]).name
        lines.append(f"| {name} | {against}, {record['protocol']['num_fakes']:,} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="where the runs are")
    parser.add_argument("--nimg", type=int, default=400_000, help="photographs shown to D in each run")
    given = parser.parse_args()
    train_zip, test_zip = (Path(os.environ["GANFORGE_DATA"]) / f"photos32-{part}.zip" for part in ("train", "test"))
    given.work.mkdir(parents=True, exist_ok=True)
    lines = [f"| recipe | against, fakes | {' | '.join(FIGURES)} |", "|---" * (2 + len(FIGURES)) + "|"]
    pictures, words, speeds = [], {}, []
    for name, changes in RUNS.items():
        run = given.work / name
        folder = RunFolder(run)
        if not folder.exists():
            cadence = [f"--{what}-nimg={given.nimg // 8}" for what in ("snapshot", "report")]
            options = [as_option(key, value) for key, value in changes.items()]
            call(
                run, "train", "fast", f"--data={train_zip}", f"--test-data={test_zip}", f"--total-nimg={given.nimg}",
                "--threads=1", f"--out={run}", *cadence, *options,
            )  # fmt: skip
        if not folder.all_evaluations():
            call(run, "evaluate", str(run))
            call(run, "evaluate", str(run), f"--against={test_zip}")
            call(run, "sample", str(run), "--seeds=0-99", f"--out={run}.png")
        records = [json.loads(path.read_text(encoding="utf-8")) for path in folder.all_evaluations()]
        lines += rows_of(name, records)
        words |= {in_words(record["protocol"]).replace(str(train_zip.parent) + os.sep, ""): 1 for record in records}
        speed = statistics.median(row["Timing/images_per_sec"] for row in folder.rows())
        speeds.append(f"{name}: {folder.read_status()['nimg']:,} photographs, {speed:,.0f} a second.")
        picture = Path(__file__).parent / "results" / f"photographs-{name}.png"
        picture.write_bytes(run.with_name(f"{name}.png").read_bytes())
        pictures.append(f"![{name}, seeds 0 to 99]({picture.name})")
    what = "In each cell: the figure, and in brackets its floor, that of fresh real photographs. One seed each, 0."
    write_results(
        Path(__file__).parent / "results" / "photographs.md", "Photographs of 32 x 32",
        [*lines, "", what, "", *speeds, "", *words, "", *pictures],
    )  # fmt: skip


if __name__ == "__main__":
    main()
