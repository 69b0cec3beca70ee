"""viewer/pages/explore_text.py: the words and addresses of the explore page."""

import base64
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from ganforge.cli.main import make_parser
from ganforge.viewer.pages import explore_text
from ganforge.viewer.sampler.sample_request import ModelSummary, RenderedSamples, SampleRequest

MODEL = ModelSummary(nimg=60_032, shape=(1, 28, 28), noise="uniform", num_classes=0)
REQUEST = SampleRequest(Path("runs/a b"), "3,17")


def samples(count: int, seeds: list[int], labels: list[int] | None = None) -> RenderedSamples:
    return RenderedSamples(MODEL, [b"png"] * count, [], seeds, labels or [])


def test_titles_of_seeds_and_neighbours() -> None:
    assert explore_text.titles(REQUEST, samples(2, [3, 17])) == ["Seed 3", "Seed 17"]
    assert explore_text.titles(REQUEST, samples(2, [3, 17], [0, 7])) == ["Seed 3, class 0", "Seed 17, class 7"]
    named = replace(samples(2, [3, 17], [0, 1]), model=replace(MODEL, num_classes=2, class_names=("cat", "\u72d7")))
    assert explore_text.titles(REQUEST, named) == ["Seed 3, class 0 (cat)", "Seed 17, class 1 (\u72d7)"]
    near = replace(REQUEST, way="near", count=3)
    assert explore_text.titles(near, samples(3, [9])) == ["Seed 9", "Neighbour 1 of seed 9", "Neighbour 2 of seed 9"]


@pytest.mark.parametrize("loop", [False, True])
def test_titles_of_a_walk(loop: bool) -> None:
    walk = replace(REQUEST, way="walk", frames=4, loop=loop)
    names = explore_text.titles(walk, samples(8 if loop else 5, [3, 17]))
    assert names[:5] == ["Seed 3", *(f"{share}% of the way from seed 3 to 17" for share in (25, 50, 75)), "Seed 17"]
    assert names[5:] == ([f"{share}% of the way from seed 17 to 3" for share in (25, 50, 75)] if loop else [])


def test_cells_are_buttons_of_which_one_takes_the_tab_key() -> None:
    content = explore_text.cells(samples(3, [1, 2, 3]), ["Seed 1", '<b title="x">', "Seed 3"], selected=1)
    assert content.count("<button") == 3
    assert content.count('tabindex="0"') == content.count('aria-pressed="true"') == 1
    assert 'data-row="1" aria-pressed="true"' in content
    assert "<b " not in content
    assert 'alt="Seed 3"' in content
    assert base64.b64encode(b"png").decode() in content


def test_captions_are_escaped() -> None:
    shown = replace(samples(1, [1]), captions=["<script>"])
    assert "<script>" not in explore_text.figures(shown, "A training picture")
    assert "&lt;script&gt;" in explore_text.figures(shown, "A training picture")


@pytest.mark.parametrize(
    ("shape", "size"), [((1, 28, 28), 64), ((3, 64, 64), 64), ((3, 65, 64), 24), ((3, 256, 256), 24), ((2,), 1000)]
)
def test_fewer_large_pictures(shape: tuple[int, ...], size: int) -> None:
    assert explore_text.page_size(replace(MODEL, shape=shape)) == size


@pytest.mark.parametrize(
    "asked",
    [
        REQUEST,
        replace(REQUEST, best=True, classes=(3, 4), truncation=0.7),
        replace(REQUEST, way="walk", frames=12, loop=True),
        replace(REQUEST, way="near", seeds="5", spread=0.16, count=24),
    ],
    ids=["seeds", "best", "walk", "near"],
)
def test_the_command_asks_for_the_same(asked: SampleRequest) -> None:
    words = shlex.split(explore_text.command(asked))
    assert words[:3] == ["ganforge", "sample", "runs/a b"]
    parser, _ = make_parser(words[1:])
    given = parser.parse_args(words[1:])
    seeds = {"seeds": given.seeds, "walk": given.interpolate, "near": given.around}
    assert {way: text for way, text in seeds.items() if text is not None} == {asked.way: asked.seeds}
    assert (given.best, given.truncation) == (asked.best, asked.truncation)
    assert given.classes == (None if asked.classes is None else "3,4")
    if asked.way == "walk":
        assert (given.frames, given.loop, given.out) == (12, True, "walk.webp")
    if asked.way == "near":
        assert (given.spread, given.count) == (0.16, 24)


@pytest.mark.parametrize(
    ("run", "what", "name"),
    [
        ("group/fast-mnist", "Seed 17", "fast-mnist-60032-seed-17.png"),
        ("..", "../../x", "60032-x.png"),
        ('a"b\n<c>', "walk 3,17,42", "a-b-c-60032-walk-3-17-42.png"),
    ],
)
def test_names_of_downloads_are_harmless(run: str, what: str, name: str) -> None:
    assert explore_text.file_name(run, 60_032, what, "png") == name
    assert len(explore_text.file_name("x" * 999, 1, "y" * 999, "gif")) <= 104


def test_what_is_shown_in_words() -> None:
    assert explore_text.what(REQUEST) == "Seeds 3, 17"
    assert explore_text.what(replace(REQUEST, way="near", seeds="5")) == "Seed 5 and neighbours"
    assert explore_text.where(samples(1, [1])) == "snapshot at 60,032 images"
