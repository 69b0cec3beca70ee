"""What to do about a trouble, as settings and as a command."""

from pathlib import Path
from typing import Any

import pytest
from toy_troubles import toy

from ganforge.diagnosis.catalog import CHECKS, DETECTORS, Remedy
from ganforge.diagnosis.command import ANEW, command, processes_in, remedied, what_to_do
from ganforge.recipes.catalog import recipe
from ganforge.run.mends import Mend, mends_in, with_mends


def settings(name: str = "note", **changes: Any) -> dict[str, Any]:
    return recipe(name, **{"data": "digits"} | changes).model_dump(mode="json")


def changed(change: dict[str, Any], *names: str, **own: Any) -> list[Any] | None:
    found = remedied(Remedy("x", change), settings(**own))
    return None if found is None else [found[name] for name in names]


def test_a_factor_of_d_s_rate_is_one_of_g_s_where_it_has_none_of_its_own() -> None:
    assert changed({"d_lr": "x0.25"}, "lr", "d_lr", lr=4e-4) == [4e-4, 1e-4]
    assert changed({"d_lr": "x0.25"}, "lr", "d_lr", lr=4e-4, d_lr=8e-4) == [4e-4, 2e-4]
    assert changed({"lr": "x0.3", "d_lr": "x0.3"}, "lr", "d_lr", lr=1e-3) == [3e-4, None]
    assert changed({"lr": "x0.3", "d_lr": "x0.3"}, "lr", "d_lr", lr=1e-3, d_lr=1e-2) == [3e-4, 3e-3]


def test_values_of_the_recipe_and_factors_of_whole_numbers() -> None:
    assert changed({"lr": "recipe", "d_lr": "recipe"}, "lr", "d_lr", lr=1.0, d_lr=2.0) == [3e-4, None]
    assert changed({"total_nimg": "x2"}, "total_nimg", total_nimg=1_001) == [2_002]
    assert changed({"batch_size": "x0.3"}, "batch_size", batch_size=10) == [3]


def test_what_changes_nothing_is_no_number_or_does_not_go_together_is_no_remedy() -> None:
    assert changed({"lr": "recipe"}) is None
    assert changed({"ema_halflife_nimg": "x0.1"}) is None  # there is no average
    assert changed({"r1_gamma": "auto"}, "r1_gamma") == ["auto"]
    assert changed({"r1_gamma": "auto"}, name="dcgan") is None  # its D mixes the items


def test_weights_that_a_run_starts_from_are_there_for_these_networks_alone(tmp_path: Path) -> None:
    source = {"init_from": str(tmp_path)}
    assert changed({"z_dim": 50}, "z_dim") == [50]
    assert changed({"z_dim": 50}, **source) is None
    assert changed({"d_norm": "layer"}, name="dcgan", **source) is None
    assert changed({"lr": 0.1}, "lr", **source) == [0.1]


@pytest.mark.parametrize("trouble", [*CHECKS.values(), *DETECTORS.values()], ids=[*CHECKS, *DETECTORS])
def test_nobody_is_told_to_augment_points(trouble: Any) -> None:
    on_points = [typed for _, typed in what_to_do(trouble, settings(data="ring"))]
    assert not [typed for typed in on_points if "--augment" in typed]
    for augment in ("none", "translation"):
        on_pictures = [typed for _, typed in what_to_do(trouble, settings(augment=augment))]
        assert bool([typed for typed in on_pictures if "--augment diffaugment" in typed]) == (
            trouble.name in ("few-pictures", "overfitting")
        )


def test_where_a_change_can_be_undone_no_other_is_advised() -> None:
    undo = Remedy("undo", {"lr": "recipe", "z_dim": "recipe"})
    trouble = toy(remedies=(Remedy("words"), undo, Remedy("halve", {"lr": "x0.5"}), Remedy("see", command="see RUN")))

    def told(**own: Any) -> list[str]:
        return [does for does, _ in what_to_do(trouble, settings(**own))]

    assert told(lr=0.1) == told(z_dim=7) == ["words", "undo", "see"]
    assert told() == told(d_lr=0.1) == ["words", "halve", "see"]
    mixed = toy(remedies=(Remedy("take both", {"lr": "recipe", "augment": "ada"}), Remedy("halve", {"lr": "x0.5"})))
    assert [does for does, _ in what_to_do(mixed, settings(lr=0.1))] == ["take both", "halve"]


def test_a_run_that_was_mended_is_to_begin_anew_before_anything_else_is_tried() -> None:
    assert what_to_do(toy(), settings(lr=0.1), mended=True) == [
        (ANEW, "ganforge train note --data digits --lr 0.1"), ("look at the data", ""),
    ]  # fmt: skip
    undo = toy(remedies=(Remedy("undo", {"lr": "recipe"}),))
    assert what_to_do(undo, settings(), mended=True) == [(ANEW, "ganforge train note --data digits")]
    assert what_to_do(toy(remedies=(Remedy("words"),)), settings(), mended=True) == [("words", "")]


def test_a_run_of_several_processes_is_told_to_start_several() -> None:
    begin = "torchrun --nproc-per-node 4 -m ganforge train note"
    assert command(settings(), 4) == f"{begin} --data digits"
    assert command(settings()) == "ganforge train note --data digits"
    [(_, typed), (_, words)] = what_to_do(toy(), settings(), "RUN", 4)
    assert typed == f"{begin} --data digits --lr 3e-05"
    assert words == ""
    ran = [{"processes": 2}, {"processes": 4}]
    assert processes_in({"environment": ran}) == 4
    for odd in (None, [], [7], [{}], [{"processes": True}], [{"processes": "4"}], [{"processes": 10**9}]):
        assert processes_in({"environment": odd}) == 1


def test_mends_are_told_with_what_was_before_them() -> None:
    lines: list[dict[str, Any]] = [
        {"nimg": 8, "finding": "a", "state": "found"},
        {"nimg": 8, "finding": "a", "state": "mended", "change": {"lr": 0.1}},
        {"nimg": 9, "finding": "b", "state": "mended", "change": {"lr": 0.01, "augment": "ada"}},
        {"nimg": "9", "finding": "b", "state": "mended", "change": {"lr": 9.0}},
        {"nimg": 9, "finding": "b", "state": "mended", "change": [1]},
        {"nimg": 9, "finding": "b", "state": "over", "change": {"lr": 9.0}},
    ]
    found = mends_in(lines, {"lr": 1.0, "augment": "none"})
    assert found == [Mend(8, "a", {"lr": (1.0, 0.1)}), Mend(9, "b", {"lr": (0.1, 0.01), "augment": ("none", "ada")})]
    assert found[1].back_to is None
    assert found[1].text == "From 9 images on, since b was found: lr 0.1 -> 0.01, augment none -> ada"
    assert with_mends({"lr": 1.0, "z_dim": 4}, found) == {"lr": 0.01, "augment": "ada", "z_dim": 4}
    for back_to in (8, -1, True, "7", None, 10**30):
        [mend] = mends_in([{"nimg": 8, "finding": "a", "state": "mended", "change": {}, "back_to": back_to}], {})
        assert mend.back_to is None
    [mend] = mends_in([{"nimg": 9_000, "finding": "a", "state": "mended", "change": {}, "back_to": 8_000}], {})
    assert (mend.back_to, mend.what) == (8_000, "back to the best checkpoint, of 8,000 images")
    both = Mend(9_000, "a", {"lr": (1.0, 0.1)}, 0)
    assert both.text.endswith("a was found: back to the best checkpoint, of 0 images, lr 1.0 -> 0.1")
    odd = Mend(1_000, "e\x1b[2J", {"x" * 99: ("\n", [0] * 999)})
    assert odd.text.isprintable()
    assert len(odd.text) < 400


def test_a_longer_run_has_schedules_as_long_where_they_followed_from_its_length() -> None:
    longer = toy(remedies=(Remedy("train longer", {"total_nimg": "x2"}),))
    usual = recipe("fast", total_nimg=1_000).model_dump(mode="json")
    assert what_to_do(longer, usual)[0][1] == "ganforge train fast --total-nimg 2000"
    assert remedied(longer.remedies[0], usual) == recipe("fast", total_nimg=2_000).model_dump(mode="json")
    own = recipe("fast", total_nimg=1_000, burn_in_nimg=700).model_dump(mode="json")
    assert what_to_do(longer, own)[0][1] == "ganforge train fast --burn-in-nimg 700 --total-nimg 2000"
    note = recipe("note", total_nimg=1_000).model_dump(mode="json")
    assert what_to_do(longer, note)[0][1] == "ganforge train note --total-nimg 2000"
