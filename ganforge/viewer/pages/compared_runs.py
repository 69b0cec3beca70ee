"""Several runs beside each other: whose pictures at which moment, which curves share a chart, what differs."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

from ganforge.base.charts import Chart
from ganforge.base.errors import UserError
from ganforge.judging.comparison import Comparison, Run, compare, different_settings, headline_chart
from ganforge.judging.comparison_text import as_text, figure_columns
from ganforge.run.folder import RunFolder
from ganforge.run.stored_records import StoredProtocol
from ganforge.viewer.read.curve_meanings import TITLES, meanings, shared_band, title_of
from ganforge.viewer.read.run_view import RunView
from ganforge.viewer.read.untrusted import cut, first_complaints, mapping, string

MAX_RUNS = 8
"""As many as there are colours."""
MAX_PARTS = 100
MAX_MOMENTS = 200
MAX_ROWS, MAX_PROTOCOLS = 200, 20
"""Of a table, and tables; what is beyond them is counted."""
LOG_COLUMNS = [name for name in TITLES if not name.startswith("Resources/")]
"""What is drawn of the logs."""


def wanted_ids(parts: Sequence[str], known: Sequence[str]) -> tuple[list[str], list[str]]:
    """(ids of runs, texts that are none) of a list that was cut at its commas: a run's name may hold commas, too.

    Of an endless list the first ``MAX_PARTS`` are looked at.
    """
    parts, ids = parts[:MAX_PARTS], set(known)
    found: list[str] = []
    unknown: list[str] = []
    at = 0
    while at < len(parts):
        ends = [end for end in range(len(parts), at, -1) if ",".join(parts[at:end]) in ids]
        end = ends[0] if ends else at + 1
        (found if ends else unknown).append(",".join(parts[at:end]))
        at = end
    return list(dict.fromkeys(found)), list(dict.fromkeys(unknown))


def moments(grids: Sequence[Sequence[int]]) -> list[list[int | None]]:
    """For each moment that can be chosen, the nimg of every run's grid: None where a run has no grid at all.

    grids: each run's nimgs, rising. Up to where the shortest run ends, moments are those of the run with the fewest
    grids, and of the others the nearest grid is taken; the last moment is the newest grid of each.
    """
    some = [nimgs for nimgs in grids if nimgs]
    if not some:
        return []
    common = min(nimgs[-1] for nimgs in some)
    shared = min(([at for at in nimgs if at <= common] for nimgs in some), key=len)
    step = max(1, -(-len(shared) // MAX_MOMENTS))
    found = [[_nearest(nimgs, at) for nimgs in grids] for at in shared[::step]]
    newest = [nimgs[-1] if nimgs else None for nimgs in grids]
    return found if found and found[-1] == newest else [*found, newest]


def read_comparison(folders: Mapping[str, RunFolder]) -> tuple[Comparison, dict[Path, str], list[str]]:
    """(figures and settings of the runs that can be read, their ids by path, a sentence for each of the others)."""
    complaints, ids = [], {}
    for run_id, folder in folders.items():
        try:
            folder.read_config()
        except UserError as error:
            complaints.append(str(error))
        else:
            ids[folder.path] = run_id
    try:
        found = compare(ids)
    except UserError as error:  # a folder that went away at this very moment
        return Comparison([], [], []), {}, first_complaints([*complaints, str(error)])
    more = len(found.protocols) - MAX_PROTOCOLS
    complaints += [f"{more:,} protocols more than {MAX_PROTOCOLS} are left out."] if more > 0 else []
    kept = Comparison(found.runs, found.protocols[:MAX_PROTOCOLS], first_complaints(found.complaints))
    return kept, ids, first_complaints(complaints)


def figure_charts(comparison: Comparison, ids: Mapping[Path, str]) -> list[Chart]:
    """The headline figure by each protocol, a line a run."""
    names = [ids[run.path] for run in comparison.runs]
    found = [headline_chart(comparison, protocol, names) for protocol in comparison.protocols]
    return [chart for chart in found if chart is not None]


def log_charts(views: Mapping[str, RunView]) -> list[Chart]:
    """The columns of the logs, a line a run; with the healthy band where that is the same for all."""
    known = {run_id: meanings(mapping(view.config.get("settings"))) for run_id, view in views.items()}
    charts = []
    for name in LOG_COLUMNS:
        series = {run_id: points for run_id, view in views.items() if (points := view.columns.series(name))}
        if series:
            bands = shared_band(known[run_id].get(name) for run_id in series)
            charts.append(Chart(title_of(name), series, bands, log=name.startswith("Gradient/")))
    return charts


def figure_rows(
    runs: Sequence[Run], names: Sequence[str], protocol: StoredProtocol
) -> tuple[list[str], list[list[str]]]:
    """(the head, a row a figure) of one protocol: a column for each run that was measured by it, the floor, what is
    better. names: of the runs."""
    measured = [at for at, run in enumerate(runs) if protocol.id in run.measured]
    rows: list[list[str]] = []
    for column in figure_columns([runs[at] for at in measured], protocol):
        lines = [*column.header.split("\n"), "", ""]
        if len(rows) == MAX_ROWS:
            rows.append(["and more", *("" for _ in measured), "", ""])
            break
        rows.append([" ".join(lines[:2]).strip(), *(cell.strip() for cell in column.cells), lines[2]])
    return ["Figure", *(names[at] for at in measured), "Floor", "Better"], rows


def settings_rows(comparison: Comparison) -> list[list[str]]:
    """A row a setting in which the runs differ: its name, then the value in each run."""
    differing = different_settings(comparison.runs)
    rows = [
        [cut(name, 100), *(cut(as_text(value), 200) for value in values)]
        for name, values in islice(differing.items(), MAX_ROWS)
    ]
    more = len(differing) - MAX_ROWS
    return [*rows, *([[f"and {more:,} more", *("" for _ in comparison.runs)]] if more > 0 else [])]


def objectives(views: Mapping[str, RunView]) -> set[str]:
    """The losses of these runs: where there are several, their values do not compare."""
    return {string(mapping(view.config.get("settings")).get("objective"), "?") for view in views.values()}


def _nearest(nimgs: Sequence[int], at: int) -> int | None:
    place = bisect_left(nimgs, at)
    return min(nimgs[max(0, place - 1) : place + 1], key=lambda nimg: abs(nimg - at), default=None)
