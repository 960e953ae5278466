"""What `deepeval test run` is given: `test_answers.py`, with options of its own in `conftest.py`."""
