"""heartbeats.py: who is gone is named, by all, within a stated time."""

import time
from collections.abc import Iterator

import pytest
import torch.distributed as dist

from ganforge.base.errors import RunError, UserError
from ganforge.base.launch import Launch
from ganforge.training.heartbeats import PATIENCE, Heartbeats, patience_sec


@pytest.fixture
def three() -> Iterator[list[Heartbeats]]:
    """Three processes' beats in one, none of them begun."""
    store = dist.HashStore()
    beats = [Heartbeats(store, Launch(rank, 3, rank), 1.0) for rank in range(3)]
    yield beats
    for one in beats:
        one.ended.set()


def until_told(beats: Heartbeats, seconds: float) -> str:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            beats.check()
        except RunError as error:
            return str(error)
        time.sleep(0.02)
    return ""


def test_nobody_is_missed_who_is_there(three: list[Heartbeats]) -> None:
    for one in three:
        one.start()
    assert [until_told(one, 1.5 / 3) for one in three] == ["", "", ""]
    assert three[1].missing() == []


def test_the_silent_one_is_named_to_all(three: list[Heartbeats]) -> None:
    three[0].start()
    three[2].start()
    for rank in (0, 2):
        assert until_told(three[rank], 3).startswith("The process of rank 1 (pid ")
    assert three[2].fault is not None and three[2].fault.by == 0


def test_the_silence_of_the_first_is_noticed_by_the_others(three: list[Heartbeats]) -> None:
    three[1].start()
    three[2].start()
    assert until_told(three[2], 3).startswith("The process of rank 0 (pid ")


def test_after_a_broken_connection_four_beats_are_enough(three: list[Heartbeats]) -> None:
    for one in (three[0], three[1]):
        one.patience = 60.0  # of which nobody waits for the end
        one.start()
    start = time.monotonic()
    with pytest.raises(RunError, match="of rank 2 "):
        three[1].explain(RuntimeError("Connection closed by peer"))
    with pytest.raises(RunError, match="of rank 2 "):
        three[0].explain(RuntimeError("Connection closed by peer"))
    assert time.monotonic() - start < 2


def test_a_connection_that_breaks_with_all_there(three: list[Heartbeats]) -> None:
    for one in three:
        one.start()
    assert "lost their connection: so it is" in str(three[1].explain(RuntimeError("so it is\nat line 1")))


def test_what_a_process_tells_of_itself_is_what_all_end_with(three: list[Heartbeats]) -> None:
    three[1].tell("The data are others.", 1, is_users=True)
    three[2].tell("It broke.", 2)
    for one in three:
        one.look()
        with pytest.raises(UserError, match=r"^The data are others\.$"):
            one.check()


def test_a_store_that_does_not_answer(three: list[Heartbeats], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_ADDR", "far")
    monkeypatch.setenv("MASTER_PORT", "29500")
    three[0].check()
    three[0].looked -= 2.0
    with pytest.raises(RunError, match="far:29500, where the processes hear of each other, has not answered"):
        three[0].check()


def test_who_has_not_come() -> None:
    store = dist.HashStore()
    assert Heartbeats(store, Launch(1, 3, 1), 1.0).missing() == [0, 2]


def test_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    assert patience_sec() == 30
    monkeypatch.setenv(PATIENCE, "2.5")
    assert patience_sec() == 2.5
    for text in ("soon", "0.5", "nan", "1e9"):
        monkeypatch.setenv(PATIENCE, text)
        with pytest.raises(UserError, match=f"{PATIENCE} is '{text}'"):
            patience_sec()
