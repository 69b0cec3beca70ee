"""What the explore page says and asks: pure functions between requests, samples and words."""

import re
import shlex
from html import escape as escape
from pathlib import Path

from ganforge.viewer.read.embedded_pictures import data_uri
from ganforge.viewer.read.formatting import class_words
from ganforge.viewer.sampler.sample_request import ModelSummary, RenderedSamples, SampleRequest

SMALL_SIDE = 64
"""Pixels: of pictures up to this size, more are shown at once."""
FEW, MANY, POINTS = 24, 64, 1_000
NEAREST_NOTE = (
    "The nearest training pictures, pixel by pixel: the distance is the root of the mean squared difference, in grey "
    "levels from 0 to 255. A copy would be 0 away."
)


def page_size(model: ModelSummary) -> int:
    """How many items are shown at once."""
    if model.is_points:
        return POINTS
    return MANY if max(model.shape) <= SMALL_SIDE else FEW


def titles(request: SampleRequest, samples: RenderedSamples) -> list[str]:
    """What each of the samples is: `Seed 17, class 3 (cat)`."""
    seeds = samples.seeds
    if request.way == "seeds":
        names = [f"Seed {seed}" for seed in seeds]
    elif request.way == "near":
        names = [f"Seed {seeds[0]}", *(f"Neighbour {row} of seed {seeds[0]}" for row in range(1, request.count))]
    else:
        names = [_on_the_way(seeds, row, request.frames) for row in range(len(samples.files))]
    told = [class_words(label, samples.model.class_names) for label in samples.labels]
    return [f"{name}, {told[row]}" if row < len(told) else name for row, name in enumerate(names)]


def _on_the_way(seeds: list[int], row: int, frames: int) -> str:
    stops, (leg, step) = [*seeds, seeds[0]], divmod(row, frames)
    if step == 0:
        return f"Seed {stops[leg]}"
    return f"{step / frames:.0%} of the way from seed {stops[leg]} to {stops[leg + 1]}"


def cells(samples: RenderedSamples, names: list[str], selected: int) -> str:
    """HTML: a button for each picture. The Tab key stops at one of them; arrows lead to the others
    (assets/explore.js)."""
    buttons = []
    for row, (png, name) in enumerate(zip(samples.files, names, strict=False)):
        chosen = row == selected
        buttons.append(
            f'<button type="button" class="gf-cell" data-row="{row}" aria-pressed="{str(chosen).lower()}" '
            f'tabindex="{0 if chosen else -1}" title="{escape(name)}">'
            f'<img class="gf-pixels" src="{data_uri(png)}" alt="{escape(name)}"></button>'
        )
    return "".join(buttons)


def figures(samples: RenderedSamples, alternative: str) -> str:
    """HTML: each picture with its caption."""
    return "".join(
        f'<figure class="gf-figure"><img class="gf-pixels" src="{data_uri(png)}" alt="{escape(alternative)}">'
        f'<figcaption class="gf-small gf-quiet">{escape(caption)}</figcaption></figure>'
        for png, caption in zip(samples.files, samples.captions, strict=True)
    )


def what(request: SampleRequest) -> str:
    """What is shown, for people."""
    name = {"seeds": "Seeds {}", "walk": "A walk along the seeds {}", "near": "Seed {} and neighbours"}[request.way]
    return name.format(request.seeds.replace(",", ", "))


def where(samples: RenderedSamples) -> str:
    """Which snapshot they are of."""
    return f"snapshot at {samples.model.nimg:,} images"


def command(request: SampleRequest) -> str:
    """The command line that makes the same pictures, ready to be pasted into a POSIX shell."""
    words = ["ganforge", "sample", str(request.source)]
    if request.best:
        words.append("--best")
    words += [{"seeds": "--seeds", "walk": "--interpolate", "near": "--around"}[request.way], request.seeds]
    if request.way == "walk":
        words += ["--frames", str(request.frames), *(["--loop"] if request.loop else [])]
    if request.way == "near":
        words += ["--spread", f"{request.spread:g}", "--count", str(request.count)]
    if request.classes is not None:
        words += ["--class", ",".join(map(str, request.classes))]
    if request.truncation != 1:
        words += ["--truncation", f"{request.truncation:g}"]
    return shlex.join([*words, "--out", "walk.webp" if request.way == "walk" else "samples.png"])


def file_name(run_id: str, nimg: int, what: str, ending: str) -> str:
    """A name for a download that every system takes: `fast-mnist-60032-seed-17.png`."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", f"{Path(run_id).name}-{nimg}-{what}").strip("-")[:100].lower()
    return f"{plain}.{ending}"
