"""TensorBoard's files, read back by its own reader."""

import time
from pathlib import Path
from typing import Any

import pytest
from made_runs import NOTHING, make_run, report

from ganforge.run.folder import RunFolder
from ganforge.tracking.taken import newest, read_taken
from ganforge.tracking.worker import follow

pytest.importorskip("tensorboard")


class Ended:
    """The training has ended already."""

    def is_set(self) -> bool:
        return True


def read(folder: RunFolder) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    reader = EventAccumulator(str(folder.path / "tensorboard"), {"scalars": 0, "images": 0, "tensors": 0})
    reader.Reload()
    return reader


def scalars(reader: Any, name: str) -> list[tuple[int, float]]:
    return [(event.step, pytest.approx(event.value)) for event in reader.Scalars(name)]


def test_rows_figures_floors_grids_and_settings_are_read_back(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", (10, 20), (20,), state="finished")
    follow(folder, "tensorboard", 1, NOTHING, Ended())
    reader = read(folder)
    assert scalars(reader, "Loss/D") == [(10, 0.1), (20, 0.2)]
    assert scalars(reader, "Progress/step") == [(10, 1), (20, 2)]
    assert scalars(reader, "Figures/FD/random") == [(20, 2.0)]
    assert scalars(reader, "Floors/FD/random") == [(20, 0.5)]
    assert "Figures/recall/random" not in reader.Tags()["scalars"]
    assert [(e.step, e.width, e.height) for e in reader.Images("grid")] == [(10, 6, 4), (20, 6, 4)]
    assert [e.encoded_image_string for e in reader.Images("grid")] == [folder.fakes(n).read_bytes() for n in (10, 20)]
    (settings,) = reader.Tensors("settings")
    assert b"| lr | 0.0003 |" in settings.tensor_proto.string_val[0]
    assert read_taken(folder, "tensorboard").place == str(folder.path / "tensorboard")


def test_rows_that_a_resumed_run_took_back_are_hidden(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", (10, 20, 30), state="stopped")
    follow(folder, "tensorboard", 1, NOTHING, Ended())
    folder.cut_after(10, 10)
    there = newest(folder)
    report(folder, 25)
    report(folder, 40)
    follow(folder, "tensorboard", 2, there, Ended())
    reader = read(folder)
    assert scalars(reader, "Loss/D") == [(10, 0.1), (25, 0.25), (40, 0.4)]
    assert [event.step for event in reader.Images("grid")] == [10, 25, 40]
    assert len(list((folder.path / "tensorboard").iterdir())) == 2


def test_a_new_file_is_read_after_one_of_the_same_second(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", (10,), state="stopped")
    follow(folder, "tensorboard", 1, NOTHING, Ended())
    (file,) = (folder.path / "tensorboard").iterdir()
    first = f"events.out.tfevents.{int(time.time()):010d}.zz.1.0"
    file.rename(file.with_name(first))
    follow(folder, "tensorboard", 2, newest(folder), Ended())
    names = sorted(path.name for path in (folder.path / "tensorboard").iterdir())
    assert len(names) == 2
    assert names[0] == first


def test_a_removed_folder_is_filled_anew(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", (10, 20), state="stopped")
    follow(folder, "tensorboard", 1, NOTHING, Ended())
    (file,) = (folder.path / "tensorboard").iterdir()
    file.unlink()
    follow(folder, "tensorboard", 2, newest(folder), Ended())
    assert scalars(read(folder), "Loss/D") == [(10, 0.1), (20, 0.2)]


def test_it_writes_through_no_link(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", (10,))
    (tmp_path / "elsewhere").mkdir()
    (folder.path / "tensorboard").symlink_to(tmp_path / "elsewhere")
    follow(folder, "tensorboard", 1, NOTHING, Ended())
    assert not list((tmp_path / "elsewhere").iterdir())
    assert "a link" in read_taken(folder, "tensorboard").error
