"""Several processes: the same list on each, and no process that waits for one that has failed."""

import multiprocessing
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import torch

from ontune.callbacks.ranks import gather
from ontune.evaluation import Prediction

CONTEXT = multiprocessing.get_context("fork")


def prediction(name: str) -> Prediction:
    return Prediction(name, "free", None, f"answer {name}", None)


def answer(rank: int) -> list[Prediction]:
    """Each rank's own: the last of the ranks has nothing."""
    return [prediction(name) for name in ("dab", "ce", "")[rank]]


def fail_on(*ranks: int) -> Callable[[int], list[Prediction]]:
    def attempt(rank: int) -> list[Prediction]:
        if rank in ranks:
            raise ValueError(f"no memory on {rank}")
        return answer(rank)

    return attempt


def rank_main(rank: int, world: int, port: int, action: Callable[[int], list[Prediction]], queue: Any) -> None:
    limit = timedelta(seconds=60)
    store = torch.distributed.TCPStore("127.0.0.1", port, world, rank == 0, limit)
    torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=world, timeout=limit)
    try:
        queue.put((rank, "".join(found.id for found in gather(lambda: action(rank)))))
    except Exception as error:
        queue.put((rank, f"{type(error).__name__}: {error}"))
    torch.distributed.barrier()


def run(world: int, action: Callable[[int], list[Prediction]]) -> list[str]:
    """What each rank got, in the order of ranks."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    queue = CONTEXT.Queue()
    processes = [CONTEXT.Process(target=rank_main, args=(rank, world, port, action, queue)) for rank in range(world)]
    for process in processes:
        process.start()
    found = dict(queue.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(timeout=60)
        assert process.exitcode == 0
    return [found[rank] for rank in range(world)]


@pytest.mark.parametrize(
    ("world", "action", "expected"),
    [
        (2, answer, ["abcde"] * 2),
        (3, answer, ["abcde"] * 3),
        (
            2,
            fail_on(1),
            ["OntuneError: evaluation failed on rank 1: ValueError('no memory on 1')", "ValueError: no memory on 1"],
        ),
        (2, fail_on(0, 1), ["ValueError: no memory on 0", "ValueError: no memory on 1"]),
    ],
)
def test_several_processes(world, action, expected) -> None:
    assert run(world, action) == expected


def test_one_process() -> None:
    assert [found.id for found in gather(lambda: answer(0))] == ["a", "b", "d"]
    with pytest.raises(ValueError, match="no memory on 0"):
        gather(lambda: fail_on(0)(0))
