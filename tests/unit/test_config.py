"""config.py: any valid settings survive JSON, and anything else is one sentence."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ganforge.base.errors import UserError
from ganforge.config import MAY_CHANGE, Config, differences, make_config, suggestion

COUNT = st.integers(1, 2**63 - 1)
WIDTH = st.integers(1, 65_536)
WIDTHS = st.lists(WIDTH, max_size=5).map(tuple)
POSITIVE = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
BETA = st.floats(min_value=0, max_value=1, exclude_max=True)
TEXT = st.text(max_size=30)
VALID: dict[str, st.SearchStrategy[Any]] = {
    "recipe": TEXT, "data": TEXT, "data_dir": st.none() | TEXT, "max_images": st.none() | COUNT, "z_dim": WIDTH,
    "noise": st.sampled_from(["uniform", "normal"]), "g_hidden": WIDTHS, "d_hidden": WIDTHS,
    "batch_size": st.integers(2, 65_536), "lr": POSITIVE, "beta1": BETA, "beta2": BETA, "fused_adam": st.booleans(),
    "ema_halflife_nimg": st.none() | COUNT, "seed": st.integers(0, 2**63 - 1), "total_nimg": COUNT,
    "report_nimg": COUNT, "grid_size": st.integers(1, 32), "snapshot_nimg": COUNT, "keep_snapshots": COUNT,
    "checkpoint_nimg": COUNT, "checkpoint_sec": POSITIVE, "keep_checkpoints": COUNT, "device": TEXT,
    "threads": st.none() | st.integers(1, 1024),
}  # fmt: skip


@st.composite
def configs(draw: st.DrawFn) -> Config:
    values = draw(st.fixed_dictionaries({}, optional=VALID))
    if draw(st.booleans()):
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
    assert VALID.keys() | {"milestone_nimg"} == Config.model_fields.keys()


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
    assert make_config({k: v for k, v in values.items() if v is None} | text) == config


def one_sentence(values: dict[str, Any]) -> None:
    """The settings are valid, and survive JSON; or they are refused in one line that names a setting."""
    try:
        config = make_config(values)
    except UserError as error:
        assert str(error).endswith((".", "?"))
        assert "\n" not in str(error)
        assert any(name in str(error) or repr(name) in str(error) for name in values)
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


def test_an_unknown_setting_is_refused_with_a_guess() -> None:
    with pytest.raises(UserError, match=r"There is no setting 'batchsize'; did you mean 'batch_size'\?"):
        make_config({"batchsize": 4})
    with pytest.raises(UserError, match=r"There is no setting 'qqq'\.$"):
        make_config({"qqq": 4})
    assert suggestion("mnits", ["mnist", "digits"]) == "; did you mean 'mnist'?"
    assert suggestion("xyz", ["mnist", "digits"]) == ""


def test_a_milestone_is_a_multiple_of_the_snapshots() -> None:
    assert make_config({"snapshot_nimg": 100, "milestone_nimg": 300}).milestone_nimg == 300
    with pytest.raises(UserError, match="milestone_nimg = 250 is not a multiple of snapshot_nimg = 100"):
        make_config({"snapshot_nimg": 100, "milestone_nimg": 250})


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
    other = {"recipe": "x", "data": "x", "max_images": 1, "z_dim": 1, "noise": "normal", "g_hidden": (1,),
             "d_hidden": (1,), "batch_size": 2, "lr": 1.0, "beta1": 0.1, "beta2": 0.1, "fused_adam": False,
             "ema_halflife_nimg": 1, "seed": 1}  # fmt: skip
    [text] = differences(Config(), Config(**{name: other[name]}))
    assert text.startswith(f"{name}: ")
