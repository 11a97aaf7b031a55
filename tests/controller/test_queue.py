"""The work queue: once each, changes first, growing pauses, one timer per key."""

from __future__ import annotations

import asyncio
import random

import pytest

from secretsync.controller.queue import LONGEST_PAUSE, Priority, WorkQueue

pytestmark = pytest.mark.unit


async def test_each_key_waits_once_and_changes_go_first() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("slow", Priority.Refresh)
    queue.add("slow", Priority.Refresh)
    queue.add("retried", Priority.Retry)
    queue.add("new", Priority.Changed)
    queue.add("slow", Priority.Retry)
    assert len(queue) == 3
    assert [(await queue.get())[0] for _ in range(3)] == ["new", "retried", "slow"]


async def test_a_key_that_comes_in_while_worked_on_is_worked_on_again_afterwards() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    key, _ = await queue.get()
    queue.add("a", Priority.Refresh)
    queue.add("a", Priority.Changed)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 0.02)
    queue.done(key)
    assert await queue.get() == ("a", Priority.Changed)


async def test_pauses_double_up_to_seven_minutes_and_start_anew_after_success() -> None:
    queue: WorkQueue[str] = WorkQueue(random_source=random.Random(1))  # noqa: S311 - a repeatable jitter
    pauses = [queue.add_failed("a") for _ in range(12)]
    for expected, pause in zip((1, 2, 4, 8, 16, 32, 64, 128, 256, 420, 420, 420), pauses, strict=True):
        assert expected <= pause <= expected * 1.1
    assert pauses[-1] <= LONGEST_PAUSE * 1.1
    assert queue.is_failing("a")
    queue.succeeded("a")
    assert not queue.is_failing("a")
    assert queue.add_failed("a") <= 1.1
    queue.close()


async def test_a_queue_can_have_a_shorter_longest_pause() -> None:
    queue: WorkQueue[str] = WorkQueue(longest_pause=3.0)
    assert max(queue.add_failed("a") for _ in range(8)) <= 3.3
    queue.close()


async def test_a_new_timer_replaces_the_old_one() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("a", 60)
    queue.add_after("a", 0.01)
    assert await asyncio.wait_for(queue.get(), 1) == ("a", Priority.Refresh)
    queue.add_after("b", 0.01)
    queue.forget("b")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 0.05)


async def test_closing_drops_what_waits_and_lets_running_work_end() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("running")
    key, _ = await queue.get()
    queue.add("waiting")
    queue.add_after("later", 0.01)
    queue.close()
    queue.add("late")
    assert len(queue) == 0
    idle = asyncio.create_task(queue.idle())
    await asyncio.sleep(0.02)
    assert not idle.done()
    queue.done(key)
    await asyncio.wait_for(idle, 1)
