"""Weights & Biases, online or offline, as its own settings say (`wandb login`, WANDB_MODE, WANDB_PROJECT, ...)."""

import os
from pathlib import Path

import wandb

from ganforge.tracking.catalog import Ending, Start, Tracker
from ganforge.tracking.said import bare

RECORD = Tracker(
    name="wandb",
    order=20,
    meaning="a run of Weights & Biases",
    source="https://docs.wandb.ai",
    package="wandb",
    install="pip install 'ganforge[log]'",
    takes_back=False,
)


class Target:
    """A run, or the same one again by its id. Its steps are images shown, and never fall."""

    def __init__(self, start: Start) -> None:
        self.session = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "ganforge"),
            name=os.environ.get("WANDB_NAME", start.name),
            id=start.run,
            resume="allow",
            config=start.facts,
            settings=wandb.Settings(console="off", silent=True, save_code=False),
        )
        self.run = self.session.id
        self.place = bare(self.session.url or "") or str(self.session.settings.sync_dir)

    def numbers(self, nimg: int, values: dict[str, float]) -> None:
        self.session.log(values, step=nimg)

    def picture(self, nimg: int, path: Path) -> None:
        self.session.log({"grid": wandb.Image(str(path))}, step=nimg)

    def close(self, ending: Ending) -> None:
        self.session.summary["state"] = ending
        self.session.finish(exit_code=1 if ending == "failed" else 0)
