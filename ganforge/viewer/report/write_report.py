"""A run as one HTML file that needs nothing else: no server, no network, no other file."""

import base64
import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ganforge._version import __version__
from ganforge.base.charts import COLORS
from ganforge.base.errors import UserError
from ganforge.base.file_marks import refuse_foreign
from ganforge.base.files import reason, write_text_atomically
from ganforge.diagnosis.command import command
from ganforge.diagnosis.story import Moment
from ganforge.judging.comparison import compare
from ganforge.run.folder import RunFolder
from ganforge.viewer.read.curve_meanings import meanings
from ganforge.viewer.read.embedded_pictures import Embedded, embed, embed_series
from ganforge.viewer.read.formatting import figure, moment
from ganforge.viewer.read.recipe_settings import beside_recipe
from ganforge.viewer.read.run_story import story_of
from ganforge.viewer.read.run_summary import badge, grids
from ganforge.viewer.read.run_view import RunView, read_whole
from ganforge.viewer.read.untrusted import cut, encodable, first_complaints, string
from ganforge.viewer.report.report_content import (
    STATES,
    charts,
    cut_off,
    environment_of,
    facts_of,
    names_of_nearest,
    newest_nearest,
    readings,
    strip_of,
    tables,
)  # fmt: skip


def write_report(folder: RunFolder, out: Path) -> None:
    """Write the report of a run, training or not, atomically.

    What is damaged or missing in the folder is said in the report, which goes on without it. Raises UserError where
    there is no run with a readable config.json, where ``out`` is not the name of an HTML file, is something else than
    an earlier report, or cannot be written.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"A report is an HTML file; give --out a name that ends in .html, not {out.name!r}.")
    refuse_foreign(out)
    page = render_report(folder)
    try:
        write_text_atomically(out, page)
    except OSError as error:
        raise UserError(f"The report cannot be written: {reason(error)}; choose another place with --out.") from None


def render_report(folder: RunFolder) -> str:
    """The report's text. Raises UserError where there is no run with a readable config.json."""
    config = folder.read_config()
    settings, environment = config["settings"], config["environment"]
    view = read_whole(folder)
    comparison = compare([folder.path])  # which also says what is wrong with the figures
    measured = comparison.runs[0].measured
    complaints = [line for line in view.complaints if not line.startswith(folder.metrics.name)]
    complaints += [line.replace(str(folder.path), "").lstrip("/\\") for line in comparison.complaints]
    complaints += cut_off(view)
    frames, nearest = embed_series(grids(folder), complaints), newest_nearest(folder, measured, complaints)
    listed, unknown = beside_recipe(settings)
    text = _template().render(
        name=folder.path.resolve().name, run=view.summary, findings=view.health.told(), mends=view.health.mends,
        badge=badge(view.summary.state, went_wrong=view.health.went_wrong), state=STATES[view.summary.state],
        facts=facts_of(view, config, comparison), frames=frames, strip=strip_of(frames), num_grids=len(view.grids),
        story=_story(view, frames),
        reals=embed(folder.reals, complaints), nearest=nearest, nearest_names=names_of_nearest(nearest, measured),
        is_points=view.is_points, conditional=settings.get("conditional") is True,
        tables=tables(comparison, complaints),
        figure_charts=charts(view, of_log=False), log_charts=charts(view, of_log=True),
        readings=readings(view, meanings(settings)),
        objective=string(settings.get("objective")),
        settings=listed, unknown=unknown, command=_command(settings, view.health.processes, complaints),
        environment=environment_of(environment), resumed=len(environment) - 1,
        fingerprint=string(config["data"].get("fingerprint")), complaints=first_complaints(complaints),
        written=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), version=__version__, **_inline(),
    )  # fmt: skip
    return encodable(text)


def _story(view: RunView, frames: Sequence[Embedded]) -> list[tuple[Moment, Embedded | None]]:
    """What happened, each with the one of the frames that goes with it."""
    by_nimg = {frame.nimg: frame for frame in frames}
    told = story_of(view, list(by_nimg)) if view.health.rows else []
    return [(one, by_nimg.get(one.grid if one.grid is not None else -1)) for one in told]


def _template() -> Any:
    loader = PackageLoader("ganforge.viewer.report", "template")
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    pages.filters |= {"number": figure, "moment": moment}
    return pages.get_template("report.html")


def _inline() -> dict[str, Markup]:
    """Style and script, and the policy that allows these two and nothing else: no network, no other script."""
    folder, assets = Path(__file__).parent / "template", Path(__file__).parents[1] / "assets"
    colors = "".join(f".c{index} {{ --c: {color}; }}\n" for index, color in enumerate(COLORS))
    style = (folder / "report.css").read_text(encoding="utf-8") + colors
    script = "".join(path.read_text(encoding="utf-8") for path in (assets / "copy.js", folder / "report.js"))
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return {"style": Markup(style), "script": Markup(script), "policy": Markup(policy)}


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"


def _command(settings: dict[str, Any], processes: int, complaints: list[str]) -> str:
    try:
        return command(settings, processes)
    except UserError as error:
        complaints.append(f"The command of this run is not known: {cut(str(error), 300)}")
        return ""
