"""`ganforge sample`: options that do not go together are told before the run is looked at."""

import pytest

from ganforge.cli.main import main

SINGLE = "is of single pictures; give --out a FOLDER/, or a name that ends in .zip or .tar."
BALANCE = "--balance-like chooses the classes of seeds; leave --class and the other ways out."
NPZ = "An .npz file holds the model's own numbers; leave --format, --quality and --upscale out."
SCALE = "--scale is of a grid or a walk; of single pictures, give --upscale."
GRIDS = "--evolution is of the grids that a run has drawn; leave --{} out."
LATER = "--{0} goes with {1}, which is not given; add it, or leave --{0} out."
MOVES = "--fps is of what moves: .webp, .gif, .mp4 or .webm; leave it out, or choose another --out."
OTHER = "The picture is a PNG file; give --out a name that ends in .png, not '{}', or, for single pictures, a FOLDER/"
WAYS = "{} ask for different pictures; give one of them."


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--seeds 1 --around 2", WAYS.format("--seeds and --around")),
        ("--seeds 1 --evolution", WAYS.format("--seeds and --evolution")),
        ("--seeds 1 --per-class 2", WAYS.format("--seeds and --per-class")),
        ("--interpolate 1,2 --around 2 --evolution", WAYS.format("--interpolate and --around and --evolution")),
        ("--frames 3", LATER.format("frames", "--interpolate")),
        ("--frames 0", LATER.format("frames", "--interpolate")),
        ("--frames 3 --evolution", LATER.format("frames", "--interpolate")),
        ("--loop --around 1", LATER.format("loop", "--interpolate")),
        ("--fps 3", LATER.format("fps", "--interpolate")),
        ("--fps 0 --around 1", LATER.format("fps", "--interpolate")),
        ("--spread 0.1 --seeds 1", LATER.format("spread", "--around")),
        ("--spread 0", LATER.format("spread", "--around")),
        ("--count 3 --seeds 1-9", "--count and --seeds both say how many pictures; give one of them."),
        ("--count 4 --per-class 2", "--count and --per-class both say how many pictures"),
        ("--count 4 --interpolate 1,2", "--count and --interpolate both say how many pictures"),
        ("--count 4 --evolution", "--count and --evolution both say how many pictures"),
        ("--balance-like digits --class 1", BALANCE),
        ("--balance-like digits --per-class 2", BALANCE),
        ("--balance-like digits --around 1", BALANCE),
        ("--count 0", "--count is 0; give 1 or more."),
        ("--around 1 --count=-1000", "--count is -1,000; give 1 or more."),
        ("--per-class 0", "--per-class is 0; give 1 or more."),
        ("--scale 0", "--scale is 0; give 1 or more."),
        ("--upscale 0 --out a/", "--upscale is 0; give 1 or more."),
        ("--quality 3", f"--quality {SINGLE}"),
        ("--upscale 2 --per-class 3 --out a.png", f"--upscale {SINGLE}"),
        ("--around 1 --format png --out a/", f"--format {SINGLE}"),
        ("--interpolate 1,2 --upscale 2 --out a/", f"--upscale {SINGLE}"),
        ("--out a.npz --upscale 2", NPZ),
        ("--out a.NPZ --quality 9", NPZ),
        ("--out a.npz --format png --per-class 3", NPZ),
        ("--out a/ --scale 2", SCALE),
        ("--out a.tar --scale 2 --per-class 3", SCALE),
        ("--evolution --class 1", GRIDS.format("class")),
        ("--evolution --best", GRIDS.format("best")),
        ("--evolution --scale 2", GRIDS.format("scale")),
        ("--evolution --truncation 0.5", GRIDS.format("truncation")),
        ("--evolution --out a.webp", "The film of a run's grids is .mp4 or .webm, not a.webp; evolution.webp is in"),
        ("--around 17 --out m5/", "--around makes one grid; give --out a name that ends in .png, not 'm5/'."),
        ("--around 17 --out m5.zip", "--around makes one grid; give --out a name that ends in .png, not 'm5.zip'."),
        ("--around 17 --out m5.gif", "--around makes one grid; give --out a name that ends in .png, not 'm5.gif'."),
        ("--out x/x.tar.gz", OTHER.format("x.tar.gz")),
        ("--count 3 --out m5.mp4", OTHER.format("m5.mp4")),
        ("--per-class 3 --out m5.webp", OTHER.format("m5.webp")),
        ("--interpolate 1,2 --fps 9 --out a/", MOVES),
        ("--interpolate 1,2 --fps 9 --out a.png", MOVES),
        ("--interpolate 1,2 --fps 51", "--fps is 51; give more than 0 and at most 50 frames a second."),
        ("--interpolate 1,2 --fps 61 --out a.mp4", "--fps is 61; give more than 0 and at most 60 frames a second."),
        ("--evolution --fps 61", "--fps is 61; give more than 0 and at most 60 frames a second."),
        ("--interpolate 1,2 --fps 0", "--fps is 0; give more than 0"),
        ("--interpolate 1,2 --fps nan", "--fps is nan; give more than 0"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(
    options: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sample", "nowhere", *options.split()]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"ganforge: {sentence}"), said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "options",
    [
        "--evolution --fps 60", "--interpolate 1,2 --fps 60 --out a.webm", "--interpolate 1,2 --fps 50 --loop",
        "--around 1 --count 5 --spread 0.1", "--balance-like digits --count 5 --out a/", "--seeds 1 --scale 1",
        "--per-class 1 --format webp --quality 1 --upscale 1 --out a.zip", "--interpolate 1,2 --frames 1 --out a/",
    ],
)  # fmt: skip
def test_and_what_does_is_let_through(options: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", "nowhere", *options.split()]) == 2
    assert " nowhere; check the path.\n" in capsys.readouterr().err
