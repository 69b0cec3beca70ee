"""A classifier of the photographs that is no part of ganforge, to tell which kind of thing a generated picture shows.

A small residual network with batch norm, taught all training photographs, shifted and mirrored, in bfloat16: 15 minutes
of one core with such instructions. How often it is right on the test photographs, which it never saw, the tables say.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from ganforge.base.images import to_float
from ganforge.data.dataset import Dataset

EPOCHS, BATCH_SIZE, LEARNING_RATE, SHIFT = 22, 128, 0.15, 4
SEED = 7


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layer(width, width), *layer(width, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Judge(nn.Module):
    """Photographs float [N, 3, 32, 32] in [-1, 1] -> 256 features and 10 logits."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *layer(3, 32), *layer(32, 64, pooled=True), Residual(64), *layer(64, 128, pooled=True),
            *layer(128, 256, pooled=True), Residual(256), nn.AdaptiveMaxPool2d(1), nn.Flatten(),
        )  # fmt: skip
        self.head = nn.Linear(256, 10, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(x)
        return features, self.head(features) / 4


def layer(n_in: int, n_out: int, *, pooled: bool = False) -> list[nn.Module]:
    pool = [nn.MaxPool2d(2)] if pooled else []
    return [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), *pool, nn.BatchNorm2d(n_out), nn.ReLU()]


def kept_or_taught(path: Path, reals: Dataset) -> Judge:
    """The judge in the file, or one that learns now and is kept there."""
    judge = Judge().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if path.exists():
        judge.load_state_dict(torch.load(path, weights_only=True))
    else:
        teach(judge, reals.items, torch.as_tensor(reals.labels))
        torch.save(judge.state_dict(), path)
    return judge.eval()


def teach(judge: Judge, pictures: Tensor, labels: Tensor) -> None:
    torch.manual_seed(SEED)
    steps = len(pictures) // BATCH_SIZE
    optimizer = torch.optim.SGD(judge.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=EPOCHS * steps, pct_start=0.2)
    for epoch in range(EPOCHS):
        order = torch.randperm(len(pictures))
        for step in range(steps):
            rows = order[step * BATCH_SIZE : (step + 1) * BATCH_SIZE]
            with torch.autocast("cpu", torch.bfloat16):
                logits = judge(changed(to_float(pictures[rows])))[1]
            loss = cross_entropy(logits.float(), labels[rows], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"judge: epoch {epoch + 1} of {EPOCHS}, loss {loss.item():.3f}", flush=True)


def changed(x: Tensor) -> Tensor:
    """Each photograph shifted by up to ``SHIFT`` pixels, half of them mirrored."""
    count, side = len(x), x.shape[-1]
    x = torch.where(torch.rand(count, 1, 1, 1) < 0.5, x.flip(3), x)
    x = pad(x, (SHIFT,) * 4, mode="reflect")
    down, across = torch.randint(2 * SHIFT + 1, (2, count)).tolist()
    cut = [one[:, y : y + side, z : z + side] for one, y, z in zip(x, down, across, strict=True)]
    return torch.stack(cut).contiguous(memory_format=torch.channels_last)


def seen(judge: Judge, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Of pictures uint8 [N, 3, 32, 32]: features, and the class that each is taken for."""
    features, classes = [], []
    for chunk in pictures.split(500):
        with torch.no_grad():
            found, logits = judge(to_float(chunk).contiguous(memory_format=torch.channels_last))
        features.append(found)
        classes.append(logits.argmax(1))
    return torch.cat(features), torch.cat(classes)
