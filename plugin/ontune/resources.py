"""Where recipes/, dataset_info/ and the ms-swift plugin file are: the working directory first, then the package."""

from pathlib import Path

from ontune.errors import InputError

__all__ = ["DATASET_INFO", "deepeval_tests", "find", "package_root", "swift_plugin"]

DATASET_INFO = Path("dataset_info")  # of the working directory; every command takes --dataset-info DIR instead


def package_root() -> Path:
    """The folder that holds recipes/ and dataset_info/: the checkout, or `share` in an installed wheel."""
    package = Path(__file__).resolve().parent
    installed = package / "share"
    return installed if installed.is_dir() else package.parents[1]


def swift_plugin() -> Path:
    """The file for ms-swift's `--external_plugins`."""
    return Path(__file__).resolve().parent.parent / "ontune_swift.py"


def deepeval_tests() -> Path:
    """The file for `deepeval test run`."""
    return Path(__file__).resolve().parent / "commands/deepeval_suite/test_answers.py"


def find(kind: str, name: str, suffix: str, dataset_info: Path = DATASET_INFO) -> Path:
    """The file `<kind>/<name><suffix>` of dataset_info/, or `name` itself where it is a path to a file.

    Raises InputError with every place that was looked at and the names there are.
    """
    if name.endswith(suffix) and Path(name).is_file():
        return Path(name)
    folders = [dataset_info / kind, package_root() / "dataset_info" / kind]
    for folder in folders:
        if (path := folder / f"{name}{suffix}").is_file():
            return path
    known = sorted({path.stem for folder in folders for path in folder.glob(f"*{suffix}")})
    places = ", ".join(str(folder) for folder in folders)
    raise InputError(f"no {kind} file {name}{suffix} in {places}: there are {known or 'none'}")
