import pytest

from ontune.errors import CheckFailed, SourceError
from ontune_converters.account import Account


def account(read, written, dropped, strict=False):
    made = Account("made_up", strict, read)
    made.written.update(written)
    for reason, where in dropped:
        made.drop(reason, where)
    return made


@pytest.mark.parametrize(
    ("made", "error", "text"),
    [
        (account(3, {"train": 2}, [("missing", "row 3")]), None, ""),
        (account(3, {"train": 2}, [("missing", "row 3")], strict=True), CheckFailed, "missing: row 3"),
        (account(3, {"train": 3}, [], strict=True), None, ""),
        (account(3, {"train": 1}, [("missing", "row 3")]), SourceError, "read 3, written 1, dropped 1"),
        (account(0, {}, []), SourceError, "no row is left of 0 read"),
        (account(2, {"train": 0}, [("a", "row 1"), ("b", "row 2")]), SourceError, "left of 2 read\na: row 1\nb: row 2"),
    ],
)
def test_close(made, error, text):
    if error is None:
        made.close()
    else:
        with pytest.raises(error, match=text):
            made.close()


def test_strict_names_every_dropped_row():
    made = account(10, {"train": 1}, [("missing", f"row {number}") for number in range(9)], strict=True)
    with pytest.raises(CheckFailed) as caught:
        made.close()
    assert caught.value.faults == tuple(f"missing: row {number}" for number in range(9))


def test_an_error_of_thousands_of_rows_stays_one_that_people_read():
    made = account(4001, {}, [("missing", f"row {number}") for number in range(4000)] + [("odd", "row x")])
    with pytest.raises(SourceError) as caught:
        made.close()
    assert len(caught.value.faults) == 23
    assert caught.value.faults[0] == "made_up: no row is left of 4001 read"
    assert caught.value.faults[-3:] == ("missing: row 19", "missing: 3980 more, 4000 in all", "odd: row x")


def test_record_and_text():
    made = account(10, {"val": 1, "train": 2}, [("missing", f"row {number}") for number in range(7)])
    made.warn("odd", "row 9")
    made.facts["renamed"] = 4
    record = made.record()
    assert record["read"] == record["written"] + sum(record["dropped"].values()) == 10
    assert (record["splits"], record["dropped"]) == ({"train": 2, "val": 1}, {"missing": 7})
    assert (record["warnings"], record["renamed"]) == ({"odd": 1}, 4)
    assert len(record["places"]["missing"]) == 7
    assert made.text().splitlines() == [
        "read     10",
        "written  3 (train 2, val 1)",
        "dropped",
        "  missing: 7",
        *(f"    row {number}" for number in range(5)),
        "    … 2 more in account.json",
        "warnings",
        "  odd: 1",
        "    row 9",
        "renamed: 4",
    ]
