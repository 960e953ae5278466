"""Random hierarchies for property tests."""

from hypothesis import strategies as st

NAMES = [f"C{number}" for number in range(9)]


@st.composite
def dags(draw: st.DrawFn) -> dict[str, list[str]]:
    """Parents by name, at least one edge and no cycle, in an order of names that says nothing about depth."""
    names = draw(st.permutations(NAMES[: draw(st.integers(2, len(NAMES)))]))
    parents = {
        name: draw(st.lists(st.sampled_from(names[:at]), unique=True)) if at else [] for at, name in enumerate(names)
    }
    parents[names[1]] = parents[names[1]] or [names[0]]
    return parents


@st.composite
def digraphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Any edges, cycles and loops included."""
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    return {name: draw(st.lists(st.sampled_from(names), unique=True, max_size=4)) for name in names}
