"""config.py: any valid settings survive JSON, and anything else is one sentence."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ganforge.base.errors import UserError
from ganforge.base.terminal import printable
from ganforge.base.wording import as_typed
from ganforge.config import MAY_CHANGE, Config, differences, make_config, with_gammas

COUNT = st.integers(1, 2**63 - 1)
WIDTH = st.integers(1, 65_536)
WIDTHS = st.lists(WIDTH, max_size=5).map(tuple)
POSITIVE = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
WEIGHT = st.floats(min_value=0, allow_infinity=False)
GAMMA = WEIGHT | st.just("auto")
BETA = st.floats(min_value=0, max_value=1, exclude_max=True)
TEXT = st.text(max_size=30).filter(lambda text: "\0" not in text)

SIDE = st.integers(1, 4096).map(str)
SIZE = SIDE | st.tuples(SIDE, SIDE).map("x".join)


def one_of(setting: str) -> st.SearchStrategy[str]:
    return st.sampled_from(get_args(Config.model_fields[setting].annotation))


CHOICES = (
    "noise",
    "fit",
    "background",
    "generator",
    "discriminator",
    "objective",
    "augment",
    "optimizer",
    "burn_in_curve",
    "precision",
)
NORMS = ("batch", "layer", "spectral", "unnormalised")
PENALTIES = ("r1_gamma", "r2_gamma", "gp_weight", "dragan_weight")
ENDS = ("lr_end", "beta2_end", "gamma_end")
VALID: dict[str, st.SearchStrategy[Any]] = {name: one_of(name) for name in CHOICES} | {
    "d_norm": st.none() | st.sampled_from(NORMS), "g_norm": st.none() | st.sampled_from(["batch", "unnormalised"]),
    "recipe": TEXT, "data": TEXT, "data_dir": st.none() | TEXT, "z_dim": WIDTH,
    "max_images": st.none() | st.integers(2, 2**63 - 1),
    "size": st.none() | SIZE, "channels": st.sampled_from([None, 1, 3, 4]), "mirror": st.booleans(),
    "shuffle_window": st.integers(1, 2**63 - 1),
    "max_broken": st.none() | st.integers(0, 2**63 - 1), "test_data": st.none() | TEXT,
    "hold_out": st.sampled_from(["auto", "none"]),
    "pages": st.sampled_from([None, "first", "all"]), "range": st.sampled_from([None, "auto", "0,4095", "-1,1"]),
    "g_hidden": WIDTHS, "d_hidden": WIDTHS, "g_width": st.none() | WIDTH, "d_width": st.none() | WIDTH,
    "g_base_size": st.none() | WIDTH, "d_base_size": st.none() | WIDTH,
    "blocks": st.none() | st.integers(1, 64), "group_size": st.none() | WIDTH,
    "conditional": st.booleans(), "r1_gamma": GAMMA, "r2_gamma": GAMMA, "gp_weight": WEIGHT, "dragan_weight": WEIGHT,
    "clip": st.none() | POSITIVE, "d_steps": st.integers(1, 1000), "wgan_schedule": st.booleans(),
    "shared_noise": st.booleans(), "batch_size": st.integers(2, 65_536), "accumulate": st.integers(1, 65_536),
    "lr": POSITIVE, "d_lr": st.none() | POSITIVE, "beta1": BETA, "beta2": BETA, "fused_adam": st.booleans(),
    "burn_in_nimg": st.none() | COUNT, "lr_end": st.none() | WEIGHT, "beta2_end": st.none() | BETA,
    "gamma_end": st.none() | WEIGHT, "ema_halflife_nimg": st.none() | COUNT, "ema_rampup": st.booleans(),
    "ema_burn_in": st.booleans(), "g_batch_factor": st.integers(1, 64),
    "seed": st.integers(0, 2**63 - 1), "total_nimg": COUNT, "report_nimg": COUNT, "grid_size": st.integers(1, 32),
    "snapshot_nimg": COUNT, "milestone_nimg": st.none() | COUNT, "metric_samples": st.integers(0, 50_000),
    "keep_snapshots": COUNT, "checkpoint_nimg": COUNT, "checkpoint_sec": POSITIVE, "keep_checkpoints": COUNT,
    "penalty_interval": st.integers(1, 1024), "device": TEXT, "init_from": st.none() | TEXT,
    "deterministic": st.booleans(), "capture": st.booleans(), "on_trouble": st.sampled_from(["say", "stop", "mend"]),
    "threads": st.none() | st.integers(1, 1024), "log": st.none() | st.permutations(["wandb", "mlflow"]).map(tuple),
}  # fmt: skip


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """Any settings that fit each other: what another setting rules out is left out or made to fit."""
    values = draw(st.fixed_dictionaries({}, optional=VALID))
    for network, family in (("g", values.get("generator", "mlp")), ("d", values.get("discriminator", "mlp"))):
        if family != "mlp":
            values.pop(f"{network}_hidden", None)
        if family in ("mlp", "logistic"):
            values.pop(f"{network}_width", None)
        if family in ("mlp", "logistic", "recurrent"):
            values.pop(f"{network}_base_size", None)
    if "r3gan" not in (values.get("generator"), values.get("discriminator")):
        values = {name: value for name, value in values.items() if name not in ("blocks", "group_size")}
    if values.get("generator") != "dcgan":
        values.pop("g_norm", None)
    if values.get("discriminator") != "dcgan":
        values.pop("d_norm", None)
    elif any(values.get(name) for name in PENALTIES):
        values["d_norm"] = draw(st.sampled_from(NORMS[1:]))
    if values.get("objective") == "relativistic":
        values["shared_noise"] = False
    if values.get("objective") == "wgan" and values.get("clip") is None:
        values["clip"] = draw(POSITIVE)
    if not (values.get("r1_gamma") or values.get("r2_gamma")):
        values.pop("gamma_end", None)
    if sum(bool(values.get(name)) for name in PENALTIES[:2]) != 1 or any(values.get(name) for name in PENALTIES[2:]):
        values.pop("penalty_interval", None)
    if values.get("optimizer") == "rmsprop":
        values = {name: value for name, value in values.items() if name not in ("beta1", "beta2", "beta2_end")}
    if values.get("ema_halflife_nimg") is None or values.get("ema_rampup") or values.get("burn_in_nimg") is None:
        values.pop("ema_burn_in", None)
    if values.get("shared_noise", True):
        values.pop("g_batch_factor", None)
    if not values.get("ema_burn_in") and (
        values.get("burn_in_nimg") is None or all(values.get(name) is None for name in ENDS)
    ):
        values = {name: value for name, value in values.items() if name not in ("burn_in_nimg", "burn_in_curve", *ENDS)}
    if values.get("ema_halflife_nimg") is None:
        values.pop("ema_rampup", None)
    if values.get("dragan_weight"):
        values.pop("accumulate", None)
    if "accumulate" in values:
        parts = values["accumulate"] = draw(st.integers(1, 32_768))
        values["batch_size"] = parts * draw(st.integers(2, 65_536 // parts))
    if values.get("milestone_nimg") is not None:
        every = values["snapshot_nimg"] = draw(st.integers(1, 2**40))
        values["milestone_nimg"] = every * draw(st.integers(1, 2**20))
    return make_config(values)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from([
        "", "0", "-1", "1e3", "1e400", "nan", "inf", "-inf", "NaN", "0x10", "1_000", " 7 ", "٣", "none", "true", "auto",
        "uniform", 2**63, 2**63 - 1, -(2**63), 2**64, 10**400, 0.0, -0.0, 1.0, 1e308, 5e-324, float("nan"),
        float("inf"), [], {}, [1, 2], ["8"], [0], [None], [[1]], {"a": 1},
    ]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)  # fmt: skip
"""Whatever a JSON file can hold, with Python's NaN and infinity, and some values of the awkward sort."""


def test_the_strategies_know_every_setting() -> None:
    assert VALID.keys() == Config.model_fields.keys()


@settings(max_examples=150, deadline=None)
@given(configs())
def test_any_valid_settings_survive_json(config: Config) -> None:
    assert make_config(json.loads(json.dumps(config.model_dump(mode="json")))) == config
    assert Config.model_validate_json(config.model_dump_json()) == config
    assert make_config(config.model_dump()) == config
    assert differences(config, config) == []


@settings(max_examples=100, deadline=None)
@given(configs())
def test_settings_as_the_command_line_gives_them(config: Config) -> None:
    """Text, except for what is none or false."""
    values = config.model_dump()
    text = {k: str(v) for k, v in values.items() if v is not None and not k.endswith("_hidden")}
    text |= {k: [str(width) for width in values[k]] for k in ("g_hidden", "d_hidden")}
    if config.log is not None:
        text["log"] = ",".join(config.log)
    assert make_config({k: v for k, v in values.items() if v is None} | text) == config


def one_sentence(values: dict[str, Any]) -> None:
    """The settings are valid, and survive JSON; or they are refused in one line that names what is wrong."""
    try:
        config = make_config(values)
    except UserError as error:
        assert str(error).endswith((".", "?"))
        assert not str(error).endswith("?.")
        assert "\n" not in str(error)
        assert any(printable(name) in str(error) for name in values.keys() | Config.model_fields)
        return
    assert make_config(json.loads(json.dumps(config.model_dump(mode="json")))) == config


@pytest.mark.parametrize("name", Config.model_fields)
@settings(max_examples=60, deadline=None)
@given(value=JSON)
def test_any_json_value_is_taken_or_refused(name: str, value: Any) -> None:
    one_sentence({name: value})


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(Config.model_fields)) | st.text(max_size=8), JSON, min_size=1))
def test_any_json_object_is_taken_or_refused(values: dict[str, Any]) -> None:
    one_sentence(values)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"z_dim": 0}, "z_dim cannot be '0': it should be greater than 0."),
    ({"z_dim": 65_537}, "z_dim cannot be '65537': it should be less than or equal to 65536."),
    ({"batch_size": 1}, "batch_size cannot be '1': it should be greater than or equal to 2."),
    ({"lr": "fast"}, "lr cannot be 'fast': it should be a number."),
    ({"lr": -1}, "lr cannot be '-1': it should be greater than 0."),
    ({"r1_gamma": -1}, "r1_gamma cannot be '-1': it should be greater than or equal to 0, or 'auto'."),
    ({"r2_gamma": "much"}, "r2_gamma cannot be 'much': it should be a number, or 'auto'."),
    (
        {"g_hidden": ["8", "x"]},
        "g_hidden cannot be '8,x': it should be a whole number, or several with commas between them.",
    ),
    ({"noise": "gaussian"}, "noise cannot be 'gaussian': it should be 'uniform' or 'normal'."),
    (
        {"total_nimg": 1.5},
        "total_nimg cannot be '1.5': it should be a whole number.",
    ),
    (
        {"seed": -1, "beta1": 1},
        "beta1 cannot be '1': it should be less than 1; seed cannot be '-1': it should be greater than or equal to 0.",
    ),
]


@pytest.mark.parametrize(("values", "sentence"), BAD, ids=lambda x: " ".join(x) if isinstance(x, dict) else "")
def test_the_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        make_config(values)
    assert str(caught.value) == sentence


def test_the_sentence_names_the_file() -> None:
    with pytest.raises(UserError, match=r"^run/config.json holds settings that this ganforge cannot use: lr cannot be"):
        make_config({"lr": 0}, source="run/config.json")


def test_a_run_of_another_version_is_refused_with_the_reason() -> None:
    with pytest.raises(UserError, match=r"run/config.json holds .*'g_lowest_side'.* of another version"):
        make_config({"g_lowest_side": None}, source="run/config.json")


def test_an_unknown_setting_is_refused_with_a_guess() -> None:
    with pytest.raises(UserError, match=r"There is no setting 'batchsize'; did you mean 'batch_size'\?"):
        make_config({"batchsize": 4})
    with pytest.raises(UserError, match=r"There is no setting 'qqq'\.$"):
        make_config({"qqq": 4})


def test_the_norms_are_those_of_the_settings() -> None:
    assert get_args(get_args(Config.model_fields["d_norm"].annotation)[0]) == NORMS


@pytest.mark.parametrize(
    ("shape", "gamma"), [((1, 28, 28), 0.784), ((3, 32, 32), 3.072), ((4, 2, 3), 0.024), ((2,), 1)]
)
def test_the_rule_for_gamma(shape: tuple[int, ...], gamma: float) -> None:
    config = with_gammas(make_config({"r1_gamma": "auto", "r2_gamma": "5"}), shape)
    assert (config.r1_gamma, config.r2_gamma) == (pytest.approx(gamma), 5.0)
    assert with_gammas(config, (9, 9, 9)) == config


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Config().lr = 1.0  # type: ignore[misc]


def test_differences_are_those_that_shape_the_result() -> None:
    old = Config()
    assert differences(old, make_config({"z_dim": 64, "lr": 1e-3, "total_nimg": 1, "device": "cpu", "threads": 1})) == [
        "z_dim: 96 in the run, 64 asked for",
        "lr: 0.0003 in the run, 0.001 asked for",
    ]


@pytest.mark.parametrize("name", sorted(Config.model_fields.keys() - MAY_CHANGE))
def test_every_other_setting_may_not_change(name: str) -> None:
    [text] = differences(Config(), Config().model_copy(update={name: "another"}))
    assert text == f"{name}: {as_typed(getattr(Config(), name))} in the run, another asked for"
