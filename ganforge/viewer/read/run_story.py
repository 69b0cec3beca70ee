"""A run's story, from its folder: for the page and the terminal."""

from collections.abc import Sequence

from ganforge.diagnosis.story import Moment, story
from ganforge.viewer.read.run_view import RunView
from ganforge.viewer.read.untrusted import cut

ENDINGS = {
    "running": "It is still training.",
    "finished": "The run ends at its full length.",
    "stopped": "The run is stopped on request.",
    "killed": "The run's process is killed.",
}


def story_of(view: RunView, grids: Sequence[int] | None = None) -> list[Moment]:
    """In order. grids: nimg of those that can be shown; without them, all that there are."""
    best, run, health = view.figures.best_so_far(), view.summary, view.health
    ending = ENDINGS.get(run.state, "")
    if run.state == "failed":
        ending = f"The run fails: {cut(run.reason, 300) or 'no reason was recorded.'}"
    if health.went_wrong and run.state == "finished":
        ending = "The run ends at its full length, and it went wrong."
    measured = None if best is None else (best.best[0] if best.gained else best.first[0], best.summary())
    return story(
        health.diagnosis.history.rows, health.findings, view.grids if grids is None else grids, measured, ending,
        health.mends,
    )  # fmt: skip
