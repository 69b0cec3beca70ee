"""TensorBoard: event files in the run's folder, written without TensorFlow."""

import time
from pathlib import Path
from typing import Any

from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from ganforge.tracking.catalog import Ending, Start, Tracker

RECORD = Tracker(
    name="tensorboard",
    order=10,
    meaning="event files in RUN/tensorboard",
    source="https://github.com/tensorflow/tensorboard",
    package="tensorboard",
    install="pip install 'ganforge[log]'",
    takes_back=True,
)
CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}


class Target:
    """A new event file beside those of the processes that trained here before; TensorBoard reads them as one run."""

    def __init__(self, start: Start) -> None:
        folder = start.own_folder
        before = sorted(path.name for path in folder.glob("events.out.tfevents.*"))
        # A file is named by the second in which it is made, and read in the order of the names.
        while before and int(time.time()) <= _second(before[-1]):
            time.sleep(0.1)
        self.run = start.run if start.run and before else f"{time.time():.6f}"
        self.place = str(folder)
        self.writer: Any = EventFileWriter(self.place)
        step = 0
        if start.take_back_after is not None:
            step = start.take_back_after + 1
            self.writer.add_event(Event(wall_time=time.time(), step=step, session_log=SessionLog(status=1)))  # START
        rows = [f"| {name} | {value} |" for name, value in start.facts.items()]
        self._add(step, text_pb("settings", "\n".join(["| | |", "|---|---|", *rows])))

    def numbers(self, nimg: int, values: dict[str, float]) -> None:
        self._add(nimg, Summary(value=[Summary.Value(tag=name, simple_value=one) for name, one in values.items()]))

    def picture(self, nimg: int, path: Path) -> None:
        with Image.open(path) as picture:
            (width, height), channels = picture.size, CHANNELS[picture.mode]
        image = Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=path.read_bytes())
        self._add(nimg, Summary(value=[Summary.Value(tag="grid", image=image)]))

    def close(self, ending: Ending) -> None:
        self.writer.close()

    def _add(self, nimg: int, summary: Any) -> None:
        self.writer.add_event(Event(wall_time=time.time(), step=nimg, summary=summary))
        self.writer.flush()


def _second(name: str) -> int:
    """events.out.tfevents.1795745651.host.7.0 -> 1795745651; 0 of a file of that name that somebody else has made."""
    text = name.split(".")[3]
    return int(text) if text.isdecimal() and len(text) == 10 and int(text) < time.time() + 5 else 0
