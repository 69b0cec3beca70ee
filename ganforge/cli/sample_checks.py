"""What of `ganforge sample` goes together, told before the seconds that importing PyTorch takes."""

import argparse
import os
from pathlib import Path

from ganforge.base.errors import UserError
from ganforge.base.wording import as_typed

FILMS = (".mp4", ".webm")
LATER = {
    "frames": ("--interpolate",),
    "fps": ("--interpolate", "--evolution"),
    "loop": ("--interpolate",),
    "spread": ("--around",),
}
"""Options that go with others."""


def is_film(out: str | Path) -> bool:
    return Path(out).suffix.lower() in FILMS


def is_folder(out: str) -> bool:
    """It ends in a slash, has no ending, or is one."""
    return out.endswith(("/", os.sep)) or not Path(out).suffix or Path(out).is_dir()


def takes_many(out: str) -> bool:
    return is_folder(out) or Path(out).suffix.lower() in (".zip", ".npz", ".tar")


def is_given(given: argparse.Namespace, name: str) -> bool:
    """0 is, too."""
    return getattr(given, name) is not None and getattr(given, name) is not False


def check_sample_options(given: argparse.Namespace) -> None:
    """Raise UserError for options that do not go together."""
    names = ("seeds", "interpolate", "around", "evolution", "per_class")
    ways = [f"--{name.replace('_', '-')}" for name in names if is_given(given, name)]
    if len(ways) > 1:
        raise UserError(f"{' and '.join(ways)} ask for different pictures; give one of them.")
    way = ways[0] if ways else "--seeds"
    for name, needed in LATER.items():
        if is_given(given, name) and way not in needed:
            raise UserError(f"--{name} goes with {needed[0]}, which is not given; add it, or leave --{name} out.")
    if given.count is not None and (ways and way != "--around"):
        raise UserError(f"--count and {way} both say how many pictures; give one of them.")
    if given.balance_like is not None and (given.classes is not None or way != "--seeds"):
        raise UserError("--balance-like chooses the classes of seeds; leave --class and the other ways out.")
    for name in ("count", "per_class", "scale", "upscale"):
        if (value := getattr(given, name)) is not None and value < 1:
            raise UserError(f"--{name.replace('_', '-')} is {value:,}; give 1 or more.")
    many = way in ("--seeds", "--per-class") and takes_many(given.out or "samples.png")
    for name in ("format", "quality", "upscale"):
        if getattr(given, name) is not None and not many:
            raise UserError(
                f"--{name} is of single pictures; give --out a FOLDER/, or a name that ends in .zip or .tar."
            )
    look = (given.format, given.quality, given.upscale)
    if many and look != (None, None, None) and Path(given.out).suffix.lower() == ".npz" and not is_folder(given.out):
        raise UserError("An .npz file holds the model's own numbers; leave --format, --quality and --upscale out.")
    if given.scale is not None and many:
        raise UserError("--scale is of a grid or a walk; of single pictures, give --upscale.")
    if given.evolution:
        others = [name for name in ("best", "classes", "scale") if is_given(given, name)]
        for name in others + ["truncation"] * (given.truncation != 1):
            raise UserError(
                f"--evolution is of the grids that a run has drawn; leave --{name.replace('classes', 'class')} out."
            )
    refuse_other_names(given, way)
    fastest = 60 if is_film(given.out or "") or given.evolution else 50
    if given.fps is not None and not 0 < given.fps <= fastest:
        raise UserError(f"--fps is {given.fps:g}; give more than 0 and at most {fastest} frames a second.")


def refuse_other_names(given: argparse.Namespace, way: str) -> None:
    """Raise UserError where ``--out`` is not of the kind that is made, and for ``--fps`` of what stands still."""
    if not given.out:
        return
    ending, folder = Path(given.out).suffix.lower(), is_folder(given.out)
    if way == "--around" and (folder or ending != ".png"):
        raise UserError(f"--around makes one grid; give --out a name that ends in .png, not '{as_typed(given.out)}'.")
    if way in ("--seeds", "--per-class") and ending != ".png" and not takes_many(given.out):
        raise UserError(
            f"The picture is a PNG file; give --out a name that ends in .png, not '{as_typed(Path(given.out).name)}', "
            "or, for single pictures, a FOLDER/ or a name that ends in .zip, .npz or .tar; what moves is of "
            "--interpolate."
        )
    if way == "--interpolate" and given.fps is not None and (folder or ending == ".png"):
        raise UserError("--fps is of what moves: .webp, .gif, .mp4 or .webm; leave it out, or choose another --out.")
