"""trackio: its own data base on this machine, or a server or Space, as its own settings say (TRACKIO_DIR,
TRACKIO_SERVER_URL, TRACKIO_SPACE_ID)."""

import os
import secrets
from pathlib import Path

import trackio
from trackio.utils import TRACKIO_DIR

from ganforge.tracking.catalog import Ending, Start, Tracker
from ganforge.tracking.said import bare

RECORD = Tracker(
    name="trackio",
    order=40,
    meaning="a run of trackio",
    source="https://huggingface.co/docs/trackio",
    package="trackio",
    install="every release from 0.10 on asks for Pillow before 13, which reads damaged pictures unsafely, so that "
    "it has to be installed without what it asks for; docs/trackers.md tells how",
    takes_back=False,
)


class Target:
    """A run, or the same one again by its name, which is the run folder's and eight digits."""

    def __init__(self, start: Start) -> None:
        self.run = start.run or f"{start.name}-{secrets.token_hex(4)}"
        try:
            self._begin(start, "must" if start.run else "never")
        except ValueError:
            if not start.run:
                raise
            self.run = f"{start.name}-{secrets.token_hex(4)}"
            self._begin(start, "never")
        elsewhere = os.environ.get("TRACKIO_SPACE_ID") or os.environ.get("TRACKIO_SERVER_URL")
        self.place = bare(elsewhere) if elsewhere else str(TRACKIO_DIR)

    def _begin(self, start: Start, resume: str) -> None:
        self.session = trackio.init(
            project="ganforge", name=self.run, resume=resume, config=dict(start.facts), embed=False,
            auto_log_cpu=False, auto_log_gpu=False,
        )  # fmt: skip

    def numbers(self, nimg: int, values: dict[str, float]) -> None:
        self.session.log(values, step=nimg)

    def picture(self, nimg: int, path: Path) -> None:
        self.session.log({"grid": trackio.Image(str(path))}, step=nimg)

    def close(self, ending: Ending) -> None:
        self.session.log({"state": ending})
        self.session.finish()
