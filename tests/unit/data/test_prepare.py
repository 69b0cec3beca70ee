"""Pictures prepared once: what comes out, what is left out, and what stays behind when something goes wrong."""

import json
import time
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganforge.base.errors import UserError
from ganforge.base.stopping import Stopped, polled_by
from ganforge.data.dataset import Dataset
from ganforge.data.prepared import prepare as module
from ganforge.data.prepared.mapped import labels_digest, map_pictures, pictures_digest, read_labels
from ganforge.data.prepared.prepare import prepare
from ganforge.data.prepared.prepared_files import LABELS, PICTURES
from ganforge.data.prepared.request import Request
from ganforge.data.sources.guarded import Guarded

Array = np.ndarray


def colours(count: int, height: int = 6, width: int = 5, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(256, size=(count, height, width, 3), dtype=np.uint8)


def png(array: Array) -> bytes:
    out = BytesIO()
    Image.fromarray(array).save(out, "PNG")
    return out.getvalue()


def fill(folder: Path, arrays: Array, suffix: str = ".png") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, array in enumerate(arrays):
        (folder / f"{index:03d}{suffix}").write_bytes(png(array))
    return folder


class Place:
    """Prepares into a cache of its own, and remembers what was said."""

    def __init__(self, root: Path) -> None:
        self.root, self.said = root, []

    def __call__(self, path: Path, request: Request | None = None, **more: Any) -> tuple[Path, dict[str, Any]]:
        options = {"max_broken": None, "say": self.said.append, "workers": 0} | more
        return prepare(str(path), request or Request(), root=self.root, **options)

    def items(self, path: Path, request: Request | None = None, **more: Any) -> torch.Tensor:
        folder, facts = self(path, request, **more)
        return map_pictures(folder / PICTURES, facts["shape"])[0]

    def left(self) -> list[str]:
        return [path.name for path in self.root.iterdir() if path.suffix != ".lock"] if self.root.exists() else []


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "cache")


@pytest.mark.parametrize("workers", [0, 2])
def test_what_comes_out_is_what_the_pictures_hold(place: Place, tmp_path: Path, workers: int) -> None:
    arrays = colours(150)
    items = place.items(fill(tmp_path / "p", arrays), workers=workers)
    assert np.array_equal(items.numpy(), arrays.transpose(0, 3, 1, 2))


def test_it_is_made_once(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fill(tmp_path / "p", colours(20))
    first, facts = place(folder)
    assert len(place.said) == 1
    monkeypatch.setattr(module, "_make", lambda *args: pytest.fail("made again"))
    assert place(folder) == (first, facts)
    assert place.left() == [first.name]


@pytest.mark.parametrize("change", ["added", "changed", "gone"])
def test_a_changed_source_is_prepared_again(place: Place, tmp_path: Path, change: str) -> None:
    folder = fill(tmp_path / "p", colours(20))
    place(folder)
    if change == "gone":
        (folder / "003.png").unlink()
    else:
        (folder / ("003.png" if change == "changed" else "new.png")).write_bytes(png(colours(1, 6, 5, seed=9)[0]))
    assert len(place.items(folder)) == {"added": 21, "changed": 20, "gone": 19}[change]
    assert len(place.said) == 2


def test_other_settings_are_other_pictures(place: Place, tmp_path: Path) -> None:
    folder = fill(tmp_path / "p", colours(4))
    requests = [Request(), Request(size=(3, 4)), Request(channels=1), Request(size=(9, 9), fit="pad")]
    shapes = [tuple(place.items(folder, request).shape) for request in requests]
    assert shapes == [(4, 3, 6, 5), (4, 3, 3, 4), (4, 1, 6, 5), (4, 3, 9, 9)]
    assert len(place.left()) == 4


SAME = [
    (Request(), Request(size=(6, 5))),
    (Request(), Request(size=(6, 5), channels=3)),
    (Request(), Request(channels=3)),
    (Request(channels=3), Request()),
    (Request(size=(4, 4), channels=3), Request(size=(4, 4))),
    (Request(size=(4, 4)), Request(size=(4, 4), channels=3)),
]
OTHERS = [
    (Request(), Request(size=(6, 6))),
    (Request(), Request(channels=1)),
    (Request(), Request(channels=4)),
    (Request(channels=1), Request()),
    (Request(size=(4, 4)), Request()),
    (Request(), Request(size=(6, 5), fit="pad")),
]


@pytest.mark.parametrize(("first", "second"), SAME + OTHERS, ids=str)
def test_what_came_to_the_same_pictures_is_not_prepared_again(
    first: Request, second: Request, place: Place, tmp_path: Path
) -> None:
    """Whichever of size and channels were asked for and which of them followed."""
    source = fill(tmp_path / "a", colours(4))
    folder, _ = place(source, first)
    again, facts = place(source, second)
    assert (again == folder) == ((first, second) in SAME)
    alone = Place(tmp_path / "elsewhere")
    assert torch.equal(place.items(source, second), alone.items(source, second))
    assert facts["digest"] == alone(source, second)[1]["digest"]


def test_a_damaged_one_is_not_taken_for_another_request(place: Place, tmp_path: Path) -> None:
    source = fill(tmp_path / "a", colours(4))
    folder, _ = place(source)
    content = bytearray((folder / PICTURES).read_bytes())
    content[7] ^= 1
    (folder / PICTURES).write_bytes(content)
    again, _ = place(source, Request(size=(6, 5)))
    assert again != folder


def test_the_digest_is_the_data_sets_fingerprint(place: Place, tmp_path: Path) -> None:
    arrays = colours(10)
    _, facts = place(fill(tmp_path / "p", arrays))
    in_memory = Dataset("d", "", torch.from_numpy(arrays).permute(0, 3, 1, 2).contiguous())
    assert facts["digest"] == in_memory.fingerprint()


@pytest.mark.parametrize("workers", [0, 2])
def test_broken_pictures_are_left_out_and_listed(place: Place, tmp_path: Path, workers: int) -> None:
    arrays = colours(200)
    folder = fill(tmp_path / "p", arrays)
    broken = [0, 1, 70, 199]
    for index in broken:
        (folder / f"{index:03d}.png").write_bytes(b"" if index else b"nonsense")
    made, facts = place(folder, workers=workers)
    items = map_pictures(made / PICTURES, facts["shape"])[0]
    assert np.array_equal(items.numpy(), np.delete(arrays, broken, 0).transpose(0, 3, 1, 2))
    assert [name for name, _ in facts["broken"]] == ["000.png", "001.png", "070.png", "199.png"]
    assert facts["broken"][0][1] == "not a picture"
    assert json.loads((made / "facts.json").read_text())["broken"] == facts["broken"]


def test_too_many_broken_pictures_are_a_fault_unless_allowed(place: Place, tmp_path: Path) -> None:
    folder = fill(tmp_path / "p", colours(30))
    for index in range(11):
        (folder / f"{index:03d}.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"11 of the 30 pictures in .* and at most 10 may be left out: 000.png \(empty"):
        place(folder)
    assert len(place.items(folder, max_broken=11)) == 19
    assert len(place.said) == 1  # allowing more needs no second reading
    with pytest.raises(UserError, match="at most 0 may"):
        place(folder, max_broken=0)


@pytest.mark.parametrize(("good", "said"), [(0, "none of the 5 pictures can be read"), (1, "only 1 of the 5 pictures")])
def test_nothing_to_learn_from(place: Place, tmp_path: Path, good: int, said: str) -> None:
    folder = fill(tmp_path / "p", colours(5))
    for index in range(good, 5):
        (folder / f"{index:03d}.png").write_bytes(b"")
    with pytest.raises(UserError, match=said):
        place(folder, max_broken=99)
    assert place.left() == []


def test_a_single_picture_is_too_few(place: Place, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds 1 picture to learn from; give at least 2"):
        place(fill(tmp_path / "p", colours(1)))


def test_classes_are_counted_and_an_unreadable_one_is_left_out(place: Place, tmp_path: Path) -> None:
    for name, count in (("10", 3), ("2", 2), ("broken", 2)):
        fill(tmp_path / "p" / name, colours(count))
    for path in (tmp_path / "p" / "broken").iterdir():
        path.write_bytes(b"")
    made, facts = place(tmp_path / "p")
    assert (facts["classes"], facts["class_counts"], facts["empty_classes"]) == (["2", "10"], [2, 3], ["broken"])
    labels = read_labels(made / LABELS, facts["labels_digest"])
    assert labels is not None
    assert labels.tolist() == [1, 1, 1, 0, 0]


def test_a_wrong_first_guess_is_put_right(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganforge.data.prepared.first_look.SAMPLE_SIZES", 1)
    monkeypatch.setattr("ganforge.data.prepared.first_look.SAMPLE_PICTURES", 1)
    folder = fill(tmp_path / "p", colours(3, 40, 40).mean(3, keepdims=False).astype(np.uint8))
    fill(folder / "x", colours(4, 70, 90))
    items = place.items(folder)
    assert items.shape == (7, 3, 64, 64)
    assert any("Decoding again" in line for line in place.said)


def test_grey_pictures_saved_in_colour_are_grey(place: Place, tmp_path: Path) -> None:
    arrays = np.repeat(colours(5)[..., :1], 3, axis=3)
    assert np.array_equal(place.items(fill(tmp_path / "p", arrays)).numpy(), arrays[..., :1].transpose(0, 3, 1, 2))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_source_that_changes_while_it_is_read(place: Place, tmp_path: Path, workers: int) -> None:
    folder = fill(tmp_path / "p", colours(100))
    calls = 0

    def poll() -> None:
        nonlocal calls
        calls += 1
        (folder / "099.png").write_bytes(png(colours(1, 6, 5, seed=calls)[0]) + bytes(calls))

    with polled_by(poll), pytest.raises(UserError, match="changed while it was read; wait until nothing writes to it"):
        place(folder, workers=workers)
    assert place.left() == []


def stops_after(count: int) -> Callable[[], None]:
    def poll() -> None:
        nonlocal count
        count -= 1
        if count < 0:
            raise Stopped("SIGINT")

    return poll


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("count", [0, 1, 130, 135])
def test_stopping_leaves_nothing(place: Place, tmp_path: Path, workers: int, count: int) -> None:
    folder = fill(tmp_path / "p", colours(400))
    with polled_by(stops_after(count)), pytest.raises(Stopped):
        place(folder, workers=workers)
    assert place.left() == []


def test_stopping_stops_the_other_processes(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    piece = Guarded.piece

    def slow(self: Guarded, first: int, *arguments: Any) -> list[Any]:
        begun.append(first)
        time.sleep(0.2)
        return piece(self, first, *arguments)

    def poll() -> None:
        if begun:
            raise Stopped("SIGINT")

    monkeypatch.setattr(Guarded, "piece", slow)
    with polled_by(poll), pytest.raises(Stopped):
        place(fill(tmp_path / "p", colours(64 * 8)), workers=2)
    assert 0 < len(begun) <= 4  # of 8


def test_a_full_disk_is_one_sentence(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device", "pictures.u8")

    monkeypatch.setattr("ganforge.data.prepared.workers.decode_here", full)
    with pytest.raises(UserError, match=r"cannot be prepared: pictures.u8: No space left on device; the cache is"):
        place(fill(tmp_path / "p", colours(3)))
    assert place.left() == []


def test_a_process_that_is_killed_is_one_sentence(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(UserError, match="A process that decoded pictures has ended early"):
        place(fill(tmp_path / "p", colours(3)), workers=1)
    assert place.left() == []


def test_what_a_killed_process_left_is_cleared_away(place: Place, tmp_path: Path) -> None:
    folder = fill(tmp_path / "p", colours(3))
    made, _ = place(folder)
    made.rename(made.with_suffix(".part"))
    assert len(place.items(folder)) == 3
    assert place.left() == [made.name]


@pytest.mark.parametrize("damage", [PICTURES, "facts.json", LABELS])
def test_a_damaged_cache_is_made_again(place: Place, tmp_path: Path, damage: str) -> None:
    for name in ("a", "b"):
        fill(tmp_path / "p" / name, colours(3))
    made, facts = place(tmp_path / "p")
    content = (made / damage).read_bytes()
    (made / damage).write_bytes(content[:-9] if damage != LABELS else content[:-1] + b"\1")
    assert place(tmp_path / "p")[1]["digest"] == facts["digest"]
    assert (made / PICTURES).stat().st_size == 6 * 90
    assert len(place.said) == 3
    assert place.said[1] == f"The prepared pictures in {made} are damaged: preparing them again."


@pytest.mark.parametrize("at", [0, 100, 539])
def test_a_single_changed_byte_is_noticed(place: Place, tmp_path: Path, at: int) -> None:
    folder = fill(tmp_path / "p", colours(6))
    before, (made, _) = place.items(folder).clone(), place(folder)
    with (made / PICTURES).open("r+b") as file:
        file.seek(at)
        file.write(bytes([int(before.flatten()[at]) ^ 1]))
    assert torch.equal(place.items(folder), before)
    assert "are damaged: preparing them again" in place.said[1]


def test_checking_much_is_said(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fill(tmp_path / "p", colours(6))
    place(folder)
    monkeypatch.setattr(module, "WORTH_SAYING_BYTES", 500)
    place(folder)
    assert place.said[1:] == ["Comparing the prepared pictures with their digest: 540 bytes"]


def test_checking_can_be_stopped(place: Place, tmp_path: Path) -> None:
    made, facts = place(fill(tmp_path / "p", colours(6)))
    with polled_by(stops_after(0)), pytest.raises(Stopped):
        pictures_digest(made / PICTURES, facts["shape"])


def test_labels_that_are_no_classes_are_made_again(place: Place, tmp_path: Path) -> None:
    for name in ("a", "b"):
        fill(tmp_path / "p" / name, colours(3))
    made, facts = place(tmp_path / "p")
    wrong = np.array([0, 1, 2, 0, 1, -1])
    np.save(made / LABELS, wrong)
    (made / "facts.json").write_text(json.dumps(facts | {"labels_digest": labels_digest(wrong)}))
    assert place(tmp_path / "p")[1]["labels_digest"] == facts["labels_digest"]


@pytest.mark.parametrize("suffix", ["", ".part"])
def test_what_somebody_keeps_in_the_cache_stops_it(place: Place, tmp_path: Path, suffix: str) -> None:
    folder = fill(tmp_path / "p", colours(3))
    made, _ = place(folder)
    mine = made.with_suffix(suffix) / "thesis.txt"
    if suffix:
        made.rename(made.with_suffix(suffix))
    else:
        (made / "facts.json").unlink()
    mine.write_text("mine")
    with pytest.raises(UserError, match="holds something that ganforge has not made; remove that"):
        place(folder)
    assert mine.read_text() == "mine"


def test_a_zip_file_is_read_in_place(place: Place, tmp_path: Path) -> None:
    arrays = colours(4)
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as file:
        for index, array in enumerate(arrays):
            file.writestr(f"{'train' if index < 3 else 'test'}/x/{index}.png", png(array))
    assert np.array_equal(place.items(tmp_path / "p.zip").numpy(), arrays[:3].transpose(0, 3, 1, 2))
    with pytest.raises(UserError, match="holds 1 picture"):
        place(tmp_path / "p.zip", Request("test"))
