"""viewer/sampler/rendered_samples.py: requests become files; what cannot be rendered becomes a sentence."""

import shutil
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from untrained import make_run

from ganforge.data.digits import load_digits
from ganforge.data.download import OFFLINE
from ganforge.data.load import load as load_data
from ganforge.data.summary import data_facts
from ganforge.metrics.nearest import nearest_pictures
from ganforge.run.folder import RunFolder
from ganforge.sampling.model import load
from ganforge.viewer.sampler.rendered_samples import MODELS_KEPT, SampleRenderer
from ganforge.viewer.sampler.sample_request import RenderedSamples, SampleRequest


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return make_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def renderer() -> SampleRenderer:
    return SampleRenderer()


def render(renderer: SampleRenderer, request: SampleRequest) -> RenderedSamples:
    answer = renderer.answer(request)
    assert isinstance(answer, RenderedSamples), answer
    return answer


def learn_from(run: RunFolder, pictures: str, **settings: object) -> None:
    """Prepare the pictures, and let the run's config.json say that it learned from them."""
    run.write_config(run.read_config() | {"data": data_facts(load_data(pictures, **settings))})


def pixels(png: bytes) -> np.ndarray:
    with Image.open(BytesIO(png)) as picture:
        return np.asarray(picture)


def test_items_are_the_models_pixel_for_pixel(run: RunFolder, renderer: SampleRenderer) -> None:
    samples = render(renderer, SampleRequest(run.path, "3,17"))
    expected = load(run.path, "cpu").sample([3, 17])
    assert [pixels(png).tolist() for png in samples.files] == [one[0].tolist() for one in expected]
    assert samples.seeds == [3, 17]
    assert samples.model.nimg == 640
    assert (samples.model.shape, samples.model.noise, samples.model.num_classes) == ((1, 8, 8), "uniform", 0)


def test_a_row_is_that_item_alone(run: RunFolder, renderer: SampleRenderer) -> None:
    request = SampleRequest(run.path, "5", way="near", count=4)
    every = render(renderer, request).files
    assert len(every) == 4
    assert render(renderer, replace(request, row=2)).files == [every[2]]


@pytest.mark.parametrize(("form", "head"), [("webp", b"RIFF"), ("gif", b"GIF8"), ("grid", b"\x89PNG")])
def test_forms(form: str, head: bytes, run: RunFolder, renderer: SampleRenderer) -> None:
    [file] = render(renderer, SampleRequest(run.path, "1,2", way="walk", frames=3, form=form)).files
    assert file.startswith(head)


def test_points(tmp_path: Path, renderer: SampleRenderer) -> None:
    run = make_run(tmp_path / "ring", (2,), data="ring")
    assert len(render(renderer, SampleRequest(run.path, "0-99")).files) == 1
    assert len(render(renderer, SampleRequest(run.path, "1,2", way="walk", frames=3)).files) == 4
    assert "are for pictures" in str(renderer.answer(SampleRequest(run.path, "1", form="nearest")))


def test_classes(tmp_path: Path, renderer: SampleRenderer) -> None:
    run = make_run(tmp_path / "told", num_classes=10)
    assert render(renderer, SampleRequest(run.path, "3,17")).labels == [3, 7]
    samples = render(renderer, SampleRequest(run.path, "3,17", classes=(4,)))
    assert (samples.labels, samples.model.class_names) == ([4, 4], ())
    named = make_run(tmp_path / "named", num_classes=2, class_names=("cat", "<b>dog"))
    assert render(renderer, SampleRequest(named.path, "3")).model.class_names == ("cat", "<b>dog")


def test_nearest_training_pictures(run: RunFolder, renderer: SampleRenderer) -> None:
    samples = render(renderer, SampleRequest(run.path, "3", form="nearest"))
    items = load_digits("train").items
    expected = nearest_pictures(load(run.path, "cpu").sample([3])[0], items, 6)
    assert [pixels(png).tolist() for png in samples.files] == [items[row][0].tolist() for row, _ in expected]
    assert samples.captions[0].startswith(f"picture {expected[0][0]:,}, class ")
    assert samples.captions[0].endswith(f"{expected[0][1]:.1f} away")


def test_nearest_training_pictures_have_the_shape_of_the_runs_settings(
    tmp_path: Path, renderer: SampleRenderer
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for level in (0, 90, 180):
        Image.new("RGBA", (30, 20), (level, 255 - level, 9, 120)).save(pictures / f"{level}.png")
    shapes = {"24x40": (4, 24, 40), "8x8": (4, 8, 8)}
    for size, shape in shapes.items():
        run = make_run(tmp_path / size, shape, data=str(pictures), size=size, channels=4, fit="pad")
        learn_from(run, str(pictures), size=size, channels=4, fit="pad")
        samples = render(renderer, SampleRequest(run.path, "3", form="nearest"))
        assert [pixels(png).shape for png in samples.files] == [(*shape[1:], 4)] * 3


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Somebody's pictures that no run of this page's learned from."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for level in range(12):
        Image.new("L", (8, 8), 20 * level).save(folder / f"{level:02}.png")
    return folder


def nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, a source that is opened or listed is a fault of the test."""
    for name in ("load", "prepare"):
        refuse = f"{name} was called"
        monkeypatch.setattr(
            f"ganforge.viewer.read.training_data.{name}", lambda *_, said=refuse, **__: pytest.fail(said)
        )


@pytest.mark.parametrize("named", ["/", "{pictures}", "hub:somebody/something", "/dev/zero"])
def test_a_place_that_a_snapshot_names_is_not_read(
    named: str, pictures: Path, tmp_path: Path, renderer: SampleRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_data(str(pictures))  # prepared, too, but not for this run
    nothing_is_read(monkeypatch)
    run = make_run(tmp_path / "run", data=named.format(pictures=pictures), data_dir="/etc", test_data="/")
    said = str(renderer.answer(SampleRequest(run.path, "3", form="nearest")))
    assert "This machine has not prepared the pictures that this run learned from" in said
    assert "`ganforge watch --data PLACE` takes them from there" in said
    assert "`ganforge data prepare PLACE --hold-out none`" in said  # since it has test data of its own


def test_what_was_prepared_for_this_run_is_found_by_its_fingerprint(
    pictures: Path, tmp_path: Path, renderer: SampleRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path / "run", data="/elsewhere")
    learn_from(run, str(pictures))
    cut = make_run(tmp_path / "cut", data="/elsewhere", max_images=5)
    learn_from(cut, str(pictures), max_images=5)
    nothing_is_read(monkeypatch)
    for folder, count in ((run, 12), (cut, 5)):
        samples = render(renderer, SampleRequest(folder.path, "3", form="nearest"))
        assert renderer.data is not None
        assert len(renderer.data[1]) == count
        assert len(samples.files) == min(count, 6)
        shades = [int(pixels(png)[0, 0]) // 20 for png in samples.files]
        assert [caption.partition(":")[0] for caption in samples.captions] == [f"{shade:02}.png" for shade in shades]
    with_own_snapshot = render(renderer, SampleRequest(run.snapshot(640), "3", form="nearest"))
    assert len(with_own_snapshot.files) == 6


def test_a_place_is_looked_into_where_who_started_the_page_asked_for_it(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path / "run", data="/elsewhere")
    learn_from(run, str(pictures))
    request = SampleRequest(run.path, "3", form="nearest")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another machine's"))
    assert "has not prepared the pictures" in str(SampleRenderer().answer(request))
    assert len(render(SampleRenderer(), replace(request, data=str(pictures))).files) == 6
    assert len(render(SampleRenderer(), request).files) == 6  # prepared by now
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a third one's"))
    (pictures / "00.png").unlink()
    assert "are not those that this run learned from" in str(
        SampleRenderer().answer(replace(request, data=str(pictures)))
    )


def test_a_linked_folder_of_snapshots_is_not_followed(tmp_path: Path, renderer: SampleRenderer) -> None:
    run, other = make_run(tmp_path / "run"), make_run(tmp_path / "other")
    shutil.rmtree(run.path / "snapshots")
    (run.path / "snapshots").symlink_to(other.path / "snapshots")
    assert isinstance(renderer.answer(SampleRequest(run.snapshot(640), "1")), str)


def test_data_that_are_not_here_are_not_fetched(
    tmp_path: Path, renderer: SampleRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OFFLINE, "1")
    monkeypatch.setenv("GANFORGE_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run = make_run(tmp_path / "run", (1, 28, 28), data="mnist")
    said = str(renderer.answer(SampleRequest(run.path, "3", form="nearest")))
    assert said.startswith("The training pictures are not on this machine, and the page downloads none: MNIST's file")
    assert "\n" not in said


def test_models_are_kept_and_a_file_made_anew_is_read_anew(tmp_path: Path) -> None:
    renderer, run = SampleRenderer(), make_run(tmp_path / "run")
    first = render(renderer, SampleRequest(run.path, "1"))
    assert render(renderer, SampleRequest(run.path, "1")).files == first.files
    assert len(renderer.models) == 1
    for nimg in range(1000, 1000 + 2 * MODELS_KEPT):
        make_run(run.path, nimg=nimg)
        newest = render(renderer, SampleRequest(run.path, "1"))
        assert newest.model.nimg == nimg
        assert newest.files != first.files
    assert len(renderer.models) == MODELS_KEPT


def test_what_cannot_be_samples_is_a_sentence(run: RunFolder, renderer: SampleRenderer, tmp_path: Path) -> None:
    broken = make_run(tmp_path / "broken")
    [(_, snapshot)] = broken.all_snapshots()
    content = snapshot.read_bytes()
    snapshot.write_bytes(content[:2000])
    linked = make_run(tmp_path / "linked")
    linked.snapshot(640).unlink()
    (tmp_path / "outside.safetensors").write_bytes(content)
    linked.snapshot(640).symlink_to(tmp_path / "outside.safetensors")
    for request, sentence in (
        (SampleRequest(broken.path, "1"), "is damaged or cut off"),
        (SampleRequest(linked.path, "1"), "not a file of the run's own"),
        (SampleRequest(run.snapshot(7), "1"), "There is no run or snapshot"),
        (SampleRequest(run.path, "1", best=True), "no snapshot with a figure"),
        (SampleRequest(run.path, "x"), "are not numbers"),
        (SampleRequest(run.path, "0-1100"), "1,101 seeds are too many for the page"),
        (SampleRequest(run.path, "1", way="walk"), "give two seeds or more"),
        (SampleRequest(run.path, "1", truncation=0.5), "Truncation is for normal noise"),
    ):
        said = renderer.answer(request)
        assert isinstance(said, str)
        assert sentence in said


def test_no_more_than_a_browser_can_take(
    run: RunFolder, renderer: SampleRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganforge.viewer.sampler.rendered_samples.MAX_BYTES", 1_000)
    assert "MB of pictures, which is too much for the page" in str(renderer.answer(SampleRequest(run.path, "0-63")))
    assert len(render(renderer, SampleRequest(run.path, "0-1")).files) == 2


def test_a_fault_of_any_other_kind_is_a_sentence_too(
    run: RunFolder, renderer: SampleRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("ganforge.viewer.sampler.rendered_samples.choose", fail)
    assert "memory of this machine does not suffice" in str(renderer.answer(SampleRequest(run.path, "1")))
