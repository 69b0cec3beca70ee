"""What the explore page says and asks: pure functions between orders, paintings and words."""

import base64
import re
import shlex
from html import escape as escape
from pathlib import Path

from ganforge.viewer.read.formatting import class_words, count
from ganforge.viewer.sampler.sample_worker import Facts, Order, Painting

SMALL_SIDE = 64
"""Pixels: of pictures up to this size, more are shown at once."""
FEW, MANY, POINTS = 24, 64, 1_000
NEAREST_NOTE = (
    "The nearest training pictures, pixel by pixel: the distance is the root of the mean squared difference, in grey "
    "levels from 0 to 255. A copy would be 0 away."
)


def page_size(facts: Facts) -> int:
    """How many items are shown at once."""
    if len(facts.shape) == 1:
        return POINTS
    return MANY if max(facts.shape) <= SMALL_SIDE else FEW


def is_points(painting: Painting) -> bool:
    """Are its items points in the plane instead of pictures?"""
    return len(painting.facts.shape) == 1


def data_uri(png: bytes) -> str:
    """A picture as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def titles(order: Order, painting: Painting) -> list[str]:
    """What each item of the painting is: `Seed 17, class 3 (cat)`."""
    seeds = painting.seeds
    if order.way == "seeds":
        names = [f"Seed {seed}" for seed in seeds]
    elif order.way == "near":
        names = [f"Seed {seeds[0]}", *(f"Neighbour {row} of seed {seeds[0]}" for row in range(1, order.count))]
    else:
        names = [_on_the_way(seeds, row, order.frames) for row in range(len(painting.files))]
    told = [class_words(label, painting.facts.class_names) for label in painting.labels]
    return [f"{name}, {told[row]}" if row < len(told) else name for row, name in enumerate(names)]


def _on_the_way(seeds: list[int], row: int, frames: int) -> str:
    stops, (leg, step) = [*seeds, seeds[0]], divmod(row, frames)
    if step == 0:
        return f"Seed {stops[leg]}"
    return f"{step / frames:.0%} of the way from seed {stops[leg]} to {stops[leg + 1]}"


def cells(painting: Painting, names: list[str], selected: int) -> str:
    """HTML: a button for each picture. One of them takes part in the order of the Tab key; arrows lead to the others
    (assets/explore.js)."""
    buttons = []
    for row, (png, name) in enumerate(zip(painting.files, names, strict=False)):
        chosen = row == selected
        buttons.append(
            f'<button type="button" class="gf-cell" data-row="{row}" aria-pressed="{str(chosen).lower()}" '
            f'tabindex="{0 if chosen else -1}" title="{escape(name)}">'
            f'<img class="gf-pixels" src="{data_uri(png)}" alt="{escape(name)}"></button>'
        )
    return "".join(buttons)


def figures(painting: Painting, alternative: str) -> str:
    """HTML: each picture with its caption."""
    return "".join(
        f'<figure class="gf-figure"><img class="gf-pixels" src="{data_uri(png)}" alt="{escape(alternative)}">'
        f'<figcaption class="gf-small gf-quiet">{escape(caption)}</figcaption></figure>'
        for png, caption in zip(painting.files, painting.captions, strict=True)
    )


def what(order: Order) -> str:
    """What is shown, for people."""
    name = {"seeds": "Seeds {}", "walk": "A walk along the seeds {}", "near": "Seed {} and neighbours"}[order.way]
    return name.format(order.seeds.replace(",", ", "))


def where(painting: Painting) -> str:
    """Which snapshot painted."""
    return f"snapshot at {count(painting.facts.nimg)} images"


def command(order: Order) -> str:
    """The command line that makes the same pictures, ready to be pasted into a POSIX shell."""
    words = ["ganforge", "sample", str(order.source)]
    if order.best:
        words.append("--best")
    words += [{"seeds": "--seeds", "walk": "--interpolate", "near": "--around"}[order.way], order.seeds]
    if order.way == "walk":
        words += ["--frames", str(order.frames), *(["--loop"] if order.loop else [])]
    if order.way == "near":
        words += ["--spread", f"{order.spread:g}", "--count", str(order.count)]
    if order.classes is not None:
        words += ["--class", ",".join(map(str, order.classes))]
    if order.truncation != 1:
        words += ["--truncation", f"{order.truncation:g}"]
    return shlex.join([*words, "--out", "walk.webp" if order.way == "walk" else "samples.png"])


def file_name(run_id: str, nimg: int, what: str, ending: str) -> str:
    """A name for a download that every system takes: `fast-mnist-60032-seed-17.png`."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", f"{Path(run_id).name}-{nimg}-{what}").strip("-")[:100].lower()
    return f"{plain}.{ending}"
