"""A new family of networks is one new file: the help lists it, and it trains, goes on and makes pictures."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import ganforge
from ganforge.networks.catalog import FAMILIES

TOY = '''"""A toy."""

import math

from torch import nn

from ganforge.networks.catalog import Family

RECORD = Family(
    name="toy",
    order=8,
    meaning="two layers",
    source="none",
    g_sizes=("width",),
    d_sizes=("width", "blocks"),
)


class Generator(nn.Module):
    def __init__(self, z_dim, shape, width=4, num_classes=0):
        super().__init__()
        self.shape = tuple(shape)
        self.layers = nn.Sequential(nn.Linear(z_dim, width), nn.ReLU(), nn.Linear(width, math.prod(shape)), nn.Tanh())

    def forward(self, z, labels=None):
        return self.layers(z).view(-1, *self.shape)


class Discriminator(nn.Module):
    def __init__(self, shape, width=4, blocks=1, num_classes=0):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(math.prod(shape), width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, images, labels=None):
        return self.layers(images.flatten(1)).squeeze(1)
'''


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of ganforge with one file more."""
    copied = tmp_path / "ganforge"
    shutil.copytree(Path(ganforge.__file__).parent, copied, ignore=shutil.ignore_patterns("__pycache__"))
    (copied / "networks" / "toy.py").write_text(TOY, encoding="utf-8")
    return tmp_path


def told(package: Path, *words: str, status: int = 0) -> str:
    """What that copy says to a command."""
    environment = os.environ | {"PYTHONPATH": str(package), "COLUMNS": "400", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "ganforge", *words], capture_output=True, text=True, cwd=package, env=environment
    )
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def test_a_new_family_is_one_new_file(package: Path) -> None:
    help_text = " ".join(told(package, "train", "--help").split())
    assert "G's family: mlp, dcgan, upsample, resnet, r3gan, smooth or toy" in help_text
    assert "D's family: mlp, logistic, recurrent, dcgan, resnet, r3gan, smooth or toy" in help_text
    assert "Residual blocks at each size of an r3gan or a toy network" in help_text

    toy = ["--generator", "toy", "--discriminator", "toy"]
    train = ["train", "note", "--data", "digits", "--out", "run", "--total-nimg", "64", "--batch-size", "16", *toy]
    assert "d_hidden is for an mlp D, not for toy" in told(package, *train, "--d-hidden", "8", status=2)
    told(package, *train, "--g-width", "8", "--max-images", "200")
    told(package, "resume", "run", "--total-nimg", "96")
    told(package, "sample", "run", "--out", "made.png")
    assert (package / "made.png").stat().st_size > 100
    assert sorted(path.name for path in (package / "run" / "snapshots").iterdir())[-1].startswith("000000096")


@pytest.mark.parametrize("name", FAMILIES)
def test_catalog_and_file_hold_the_same_record(name: str) -> None:
    assert replace(FAMILIES[name], module="") == FAMILIES[name].load().RECORD
