"""base/animations.py: what is read back is what was drawn, at the speed that was asked for."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageSequence

from ganforge.base.animations import FORMATS, encode_animation


def frames_of(count: int, *shape: int, levels: int = 256) -> list[Image.Image]:
    random = np.random.default_rng(3)
    return [Image.fromarray(random.integers(0, levels, (8, 12, *shape), dtype=np.uint8)) for _ in range(count)]


def read(content: bytes) -> list[Image.Image]:
    with Image.open(BytesIO(content)) as animation:
        return [frame.convert("RGB") for frame in ImageSequence.Iterator(animation)]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("shape", [(), (3,)], ids=["grey", "colour"])
def test_frames_come_back_to_the_bit(kind: str, shape: tuple[int, ...]) -> None:
    frames = frames_of(5, *shape)  # 96 pixels: no more colours than GIF's palette holds
    found = read(encode_animation(frames, kind))
    assert [frame.tobytes() for frame in found] == [frame.convert("RGB").tobytes() for frame in frames]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(("fps", "duration"), [(20, 50), (50, 20), (4, 250), (0.5, 2000)])
def test_speed(kind: str, fps: float, duration: int) -> None:
    with Image.open(BytesIO(encode_animation(frames_of(2), kind, fps))) as animation:
        animation.load()
        assert animation.info["duration"] == duration


def test_endless_or_once() -> None:
    loops = {}
    for kind in FORMATS:
        for loop in (True, False):
            with Image.open(BytesIO(encode_animation(frames_of(2), kind, loop=loop))) as animation:
                loops[kind, loop] = animation.info.get("loop")
    assert loops == {("webp", True): 0, ("webp", False): 1, ("gif", True): 0, ("gif", False): None}


@pytest.mark.parametrize("kind", FORMATS)
def test_equal_frames_give_equal_bytes(kind: str) -> None:
    assert encode_animation(frames_of(3, 3), kind) == encode_animation(frames_of(3, 3), kind)


@pytest.mark.parametrize(("count", "kind", "fps"), [(0, "webp", 20), (2, "mp4", 20), (2, "gif", 0), (2, "gif", 51)])
def test_what_cannot_be_written(count: int, kind: str, fps: float) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        encode_animation(frames_of(count), kind, fps)
