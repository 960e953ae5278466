"""Standard output is the result's alone."""

import pytest

from ontune.console import libraries_apart


@pytest.mark.parametrize("fails", [False, True])
def test_what_libraries_print_goes_to_standard_error(capsys, fails) -> None:
    print("before")
    try:
        with libraries_apart():
            print("inside")
            if fails:
                raise ValueError
    except ValueError:
        assert fails
    print("after")
    assert capsys.readouterr() == ("before\nafter\n", "inside\n")
