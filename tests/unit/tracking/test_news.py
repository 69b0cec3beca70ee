"""What a tracker has not been told yet, in the order of the run."""

from pathlib import Path

from made_runs import NOTHING, make_run, record, report, row

from ganforge.tracking.news import Entry, News, numbers_of


def shown(entries: list[Entry]) -> list[tuple[int, str]]:
    return [(entry.nimg, entry.kind) for entry in entries]


def take(news: News, *, ended: bool = False) -> list[tuple[int, str]]:
    found = news.look(ended=ended)
    for entry in found:
        news.waiting.remove(entry)
    return shown(found)


def test_everything_comes_once_and_in_order(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", (10, 20), (10,))
    news = News(folder, NOTHING)
    assert take(news) == [(10, "rows"), (10, "figures"), (10, "grids"), (20, "rows"), (20, "grids")]
    assert take(news) == []
    folder.append_metrics(record(20))
    report(folder, 30)
    assert take(news) == [(20, "figures"), (30, "rows"), (30, "grids")]
    assert take(news, ended=True) == []


def test_what_a_tracker_has_is_not_sent_again(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", (10, 20), (10, 20))
    assert take(News(folder, {"rows": 10, "figures": 20, "grids": -1})) == [(10, "grids"), (20, "rows"), (20, "grids")]


def test_what_was_not_taken_waits(tmp_path: Path) -> None:
    news = News(make_run(tmp_path / "run", (10,)), NOTHING)
    assert shown(news.look(ended=False)) == [(10, "rows"), (10, "grids")]
    assert take(news) == [(10, "rows"), (10, "grids")]


def test_nothing_is_sent_before_its_row_until_the_end(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", (10,), (15,))
    folder.fakes(20).write_bytes(folder.fakes(10).read_bytes())
    news = News(folder, NOTHING)
    assert take(news) == [(10, "rows"), (10, "grids")]
    assert take(news, ended=True) == [(15, "figures"), (20, "grids")]


def test_a_line_that_is_being_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", (10,))
    news = News(folder, NOTHING)
    take(news)
    with folder.stats.open("a", encoding="utf-8") as file:
        file.write('{"nimg": 20, "Lo')
        file.flush()
        assert take(news) == []
        file.write('ss/D": 1.0}\n')
    (entry,) = news.look(ended=False)
    assert entry.content == {"nimg": 20, "Loss/D": 1.0}


def test_the_numbers_of_a_row_and_of_figures_with_their_floors() -> None:
    more = {"odd": "text", "is": True, "none": None, "inf": float("inf")}
    expected = {"Progress/step": 2.0, "Loss/D": 0.2, "Loss/D/fakes": 0.25}
    assert numbers_of(Entry(20, "rows", row(20, **more))) == expected
    assert numbers_of(Entry(20, "figures", record(20))) == {"Figures/FD/random": 2.0, "Floors/FD/random": 0.5}
    assert numbers_of(Entry(20, "figures", {"nimg": 20, "figures": [1]})) == {}
    assert numbers_of(Entry(20, "figures", {"nimg": 20, "figures": {"FD": 1}})) == {}
