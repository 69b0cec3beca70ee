from ganforge.base.tables import MAX_NAME, Column, table

NAMES = ["a", "second"]
NUMBERS = [Column(f"c{i}\nx", [str(10**i), "-"]) for i in range(1, 7)]


def test_a_table_by_hand() -> None:
    made = table("runs", NAMES, [Column("FD", ["1.5*", "12 "]), Column("nimg\nlower", ["1", "1,000"])], 80)
    assert made.splitlines() == [
        "               nimg",
        "runs      FD  lower",
        "───────────────────",
        "a       1.5*      1",
        "second   12   1,000",
    ]


def test_columns_that_do_not_fit_go_below_with_the_names_and_nothing_is_cut() -> None:
    made = table("runs", NAMES, NUMBERS, 30)
    assert all(len(line) <= 30 for line in made.splitlines())
    blocks = made.split("\n\n")
    assert len(blocks) == 2
    assert all("second" in block and "runs" in block for block in blocks)
    words = made.split()
    assert [word for word in words if word.isdecimal()] == [str(10**i) for i in range(1, 7)]


def test_one_column_that_is_too_wide_is_whole_nevertheless() -> None:
    assert "9" * 50 in table("runs", NAMES, [Column("c", ["9" * 50, "1"])], 20)


def test_long_names_take_several_lines_and_nothing_is_read_as_markup() -> None:
    name = "runs/[red]" + "x" * MAX_NAME
    lines = table("runs", [name], [Column("[b]", [":smile: [i]"])], 80).splitlines()
    assert "".join(line[:MAX_NAME].strip() for line in lines[2:]) == name
    assert lines[0].endswith("[b]")
    assert lines[2].endswith(":smile: [i]")


def test_a_name_and_a_cell_stay_in_their_line() -> None:
    text = table("runs", ["a\nb \x1b[2J"], [Column("x", ["1\n2"])], 80)
    assert r"a\nb \x1b[2J" in text
    assert r"1\n2" in text
    assert len(text.split("\n")) == 3
