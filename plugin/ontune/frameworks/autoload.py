"""stub for now"""


def install() -> None: ...
