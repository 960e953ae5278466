"""Free text is read byte by byte exactly as canonical JSON writes it."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ontune.decoding.free_text import Reading, read_bytes


def inside(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False)[1:-1].encode()


def canonical(content: bytes) -> str | None:
    """The text that the bytes are inside quotes, where canonical JSON would write it in just that way."""
    try:
        value = json.loads(b'"' + content + b'"')
    except ValueError:
        return None
    return value if inside_or_none(value) == content else None


def inside_or_none(text: str) -> bytes | None:
    try:
        return inside(text)
    except UnicodeEncodeError:
        return None


pieces = st.sampled_from(
    [b"\\", b"u00", b"0", b"1f", b"n", b'"', b"\xc3", b"\xa4", b"\xf0\x9f", b"\xed\xa0\x80", b"\n", b"a"]
)


@given(st.one_of(st.binary(max_size=6), st.lists(pieces, max_size=6).map(b"".join)))
@example(b"\\u0008")
@example(b"\\u007f")
@example(b"\\/")
def test_what_is_read_to_the_end_is_canonical_json(content):
    text, found = canonical(content), read_bytes(content)
    if text is None:
        assert found is None or found.pending
    else:
        assert found == Reading(len(text), b"")


@given(st.text(max_size=8), st.integers(0, 40))
def test_any_text_can_be_read_in_two_parts(text, cut):
    content = inside(text)
    first = read_bytes(content[:cut])
    assert first is not None
    second = read_bytes(first.pending + content[cut:])
    assert second == Reading(len(text) - first.characters, b"")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", Reading(0, b"")),
        (b"a\\", Reading(1, b"\\")),
        (b"\\u001", Reading(0, b"\\u001")),
        (b"\\u001f", Reading(1, b"")),
        (b"\\u000a", None),  # canonical JSON writes \\n
        (b"\\u00e4", None),  # and this letter itself
        (b"\xf0\x9f\x98", Reading(0, b"\xf0\x9f\x98")),
        (b"\x80", None),
        (b"\xc0\x80", None),
        (b'"', None),
        (b"\n", None),
    ],
)
def test_readings_one_by_one(content, expected):
    assert read_bytes(content) == expected
