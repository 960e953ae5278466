"""What ms-swift's export would leave behind: how the run asked, so that a merged model is asked the same way."""

import functools
from pathlib import Path
from typing import Any

from ontune.inference.settings import hand_on_settings

__all__ = ["keep_settings"]


def keep_settings() -> None:
    """Lets `swift export` hand the settings of the run on to the model that it has written."""
    from swift.pipelines.export.export import SwiftExport

    original = SwiftExport.run

    @functools.wraps(original)
    def run(self: Any) -> None:
        starts = [*reversed(self.args.adapters or []), self.args.model_dir]  # merging empties the list
        original(self)
        made = Path(self.args.output_dir or ".")
        if (made / "config.json").is_file():  # no cached dataset, and not what goes to a hub alone
            hand_on_settings(made, *(Path(start) for start in starts if start))

    SwiftExport.run = run
