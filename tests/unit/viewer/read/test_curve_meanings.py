"""What is said of the numbers agrees with the losses themselves."""

from typing import get_args

import pytest
import torch
from torch import Tensor

from ganforge.config import Config
from ganforge.objectives.catalog import OBJECTIVES
from ganforge.objectives.losses import load_losses
from ganforge.viewer.read.curve_meanings import MEANINGS, TITLES, meanings
from ganforge.viewer.read.run_charts import LOG_CHARTS

MIDDLE = {"lsgan": 0.5}
"""The logit for "cannot tell" where it is not 0."""


def losses(objective: str, real: float, fake: float) -> tuple[float, float]:
    """D's and G's loss for such logits."""
    reals, fakes = torch.tensor([real]), torch.tensor([fake])

    def total(terms: dict[str, Tensor]) -> float:
        return float(torch.stack([term.mean() for term in terms.values()]).sum())

    pair = load_losses(objective)
    return total(pair.d_loss(reals, fakes)), total(pair.g_loss(fakes, reals))


def test_every_objective_is_explained() -> None:
    assert set(MEANINGS) == set(OBJECTIVES) == set(get_args(Config.model_fields["objective"].annotation))
    for objective, known in MEANINGS.items():
        accuracy = {"Accuracy/real", "Accuracy/fake"} if OBJECTIVES[objective].boundary is not None else set()
        assert set(known) == {"Loss/D", "Loss/G", "Loss/scores/real", "Loss/scores/fake"} | accuracy
        assert all(meaning.text and TITLES[name] for name, meaning in known.items())


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_even_is_the_loss_when_d_cannot_tell(objective: str) -> None:
    middle = MIDDLE.get(objective, 0.0)
    for name, loss in zip(("Loss/D", "Loss/G"), losses(objective, middle, middle), strict=True):
        even = MEANINGS[objective][name].even
        if even is not None:
            assert loss == pytest.approx(even, abs=1e-6)
    assert MEANINGS[objective]["Loss/D"].even is not None


@pytest.mark.parametrize("objective", sorted(OBJECTIVES.keys() - {"wgan"}))
def test_a_game_in_balance_is_healthy_and_a_lost_one_is_not(objective: str) -> None:
    middle = MIDDLE.get(objective, 0.0)
    known = MEANINGS[objective]
    for gap in (0.0, 0.2, 0.5):
        d_loss, g_loss = losses(objective, middle + gap / 2, middle - gap / 2)
        assert known["Loss/D"].judge(d_loss) == ""
        assert known["Loss/G"].judge(g_loss) == ""
        assert known["Loss/scores/real"].judge(middle + gap / 2) == ""
        assert known["Loss/scores/fake"].judge(middle - gap / 2) == ""
    aims = {"lsgan": (0.99, 0.01), "lsgan-ab": (0.99, -0.99)}
    real, fake = aims.get(objective, (9.0, -9.0))
    assert "nearly always right" in known["Loss/D"].judge(losses(objective, real, fake)[0])
    assert "worse than a coin" in known["Loss/D"].judge(losses(objective, fake, real)[0])


@pytest.mark.parametrize("name", ["Loss/D", "Loss/G", "Loss/scores/real", "Loss/scores/fake"])
@pytest.mark.parametrize("value", [-1e6, -1.0, 0.0, 1e6])
def test_no_value_of_the_wasserstein_loss_is_called_unhealthy(name: str, value: float) -> None:
    assert MEANINGS["wgan"][name].judge(value) == ""


def test_a_negative_loss_is_said_to_be_no_bug() -> None:
    for objective, name in (("wgan", "Loss/D"), ("hinge", "Loss/G"), ("minimax", "Loss/G")):
        assert "not a bug" in MEANINGS[objective][name].text.replace("no bug", "not a bug")
    assert meanings({"objective": "minimax"})["Loss/G"].judge(losses("minimax", 0.0, 0.0)[1]) == ""
    assert "hardly learns" in meanings({"objective": "minimax"})["Loss/G"].judge(losses("minimax", 9.0, -9.0)[1])


def test_a_penalty_takes_the_band_away_and_is_named() -> None:
    known = meanings({"objective": "hinge", "r1_gamma": 1.0, "gp_weight": 0.0})
    assert known["Loss/D"].healthy is None
    assert known["Loss/D"].even is None
    assert "r1" in known["Loss/D"].text
    assert "Loss/D/r1" in known
    assert "Loss/D/gp" not in known
    assert MEANINGS["hinge"]["Loss/D"].healthy is not None


@pytest.mark.parametrize("settings", [{}, {"objective": "new"}, {"objective": None}, {"r1_gamma": "x"}])
def test_an_unknown_objective_has_no_meaning_of_its_own(settings: dict[str, object]) -> None:
    assert "Loss/D" not in meanings(settings)
    assert "Gradient/D" in meanings(settings)


def test_without_a_value_nothing_is_said() -> None:
    assert MEANINGS["hinge"]["Loss/D"].judge(None) == ""


def test_every_chart_of_the_log_is_explained() -> None:
    known = meanings({"objective": "non-saturating"})
    columns = {column for sources in LOG_CHARTS.values() for column in sources.values()}
    assert columns <= known.keys() & TITLES.keys()
