"""The links `best` and `last` of ms-swift's create_checkpoint_symlink, in a folder that has them from another run."""

import functools
from pathlib import Path
from typing import Any

__all__ = ["renew_links"]


def renew_links() -> None:
    """Lets a second run into the same folder set its links: ms-swift alone fails where they are there already."""
    from swift.pipelines.train.sft import SwiftSft

    original = SwiftSft._handle_trainer_state

    @functools.wraps(original)
    def handle(self: Any, trainer: Any, is_write_rank: bool) -> None:
        links = [Path(self.args.output_dir) / name for name in ("best", "last")]
        for link in links if self.args.create_checkpoint_symlink and is_write_rank else []:
            if link.is_symlink():
                link.unlink()
        original(self, trainer, is_write_rank)

    SwiftSft._handle_trainer_state = handle
