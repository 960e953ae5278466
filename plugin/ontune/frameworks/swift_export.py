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
        adapters, base = self.args.adapters or [], getattr(self.args, "model_dir", None)  # merging replaces both
        original(self)
        made = self.args.output_dir
        if made and Path(made, "config.json").is_file():  # no cached dataset, and not what goes to a hub alone
            hand_on_settings(Path(made), *(Path(start) for start in (*reversed(adapters), base) if start))

    SwiftExport.run = run
