"""Kernels for worker processes, which load the file of their kernel anew: this one imports little."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

from parsim.core.threads import threads

NAP = 0.3  # s


def twice(value):
    return 2 * value


def nap(value):
    """Double, but sleep over a 4."""
    time.sleep(NAP if value == 4 else 0)
    return 2 * value


def nap_longer(value):
    time.sleep(0.5 * (value == 4))
    return value


def fail(value):
    raise ValueError("no")


def refuse(value):
    if value == 4:
        raise ValueError("four is too much")
    return value


def hold_a_lock(value):
    return multiprocessing.Lock() if value == 4 else value  # pickled only to a child being started


def leave(value):
    if value == 4:
        os._exit(3)
    return value


def fall(value):
    if value == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return value


def hang(value):
    if value == 4:
        signal.pause()
    return value


def interrupt(value):
    if value == 4:
        time.sleep(0.2)  # the host has heard of all before
        os.kill(multiprocessing.parent_process().pid, signal.SIGINT)
        signal.pause()
    return value


def chatter(value):
    print("a kernel says", value)
    return value


def sleep_long(value):
    """Tell who I am to the test that will interrupt the host, then sleep."""
    Path(os.environ["PARSIM_TEST_PIDS"], str(os.getpid())).touch()
    time.sleep(60)


def on_how_many_threads(value):
    return threads() or 1
