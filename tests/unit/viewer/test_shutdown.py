"""The page ends when it is told to, whatever its threads are about."""

import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are others on Windows")
BUSY = "import signal, sys, threading, time\nthreading.Thread(target=time.sleep, args=[600]).start()\n"
AT_ONCE = (
    "from ganforge.base.stopping import Stopped, StopRequest\n"
    "from ganforge.viewer.shutdown import ends_at_once\n"
    "stop = StopRequest()\n"
    "try:\n"
    "    with ends_at_once(stop):\n"
    "        print('ready', flush=True)\n"
    "        time.sleep(600)\n"
    "except Stopped:\n"
    "    print('stopped by', stop.signum, flush=True)\n"
)
NOTING = (
    "from ganforge.viewer.shutdown import noting\n"
    "caught = []\n"
    "with noting(caught, lambda: print('ending', flush=True)):\n"
    "    print('ready', flush=True)\n"
    "    while True:\n"
    "        time.sleep(0.1)\n"
)


@pytest.mark.parametrize(("program", "said"), [(AT_ONCE, "stopped by 15"), (NOTING, "ending")])
def test_a_thread_that_goes_on_holds_nothing_up(program: str, said: str) -> None:
    command = [sys.executable, "-c", BUSY + program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGTERM)
            assert process.stdout.readline() == f"{said}\n"
            assert process.wait(60) == 128 + signal.SIGTERM
        finally:
            process.kill()


def test_a_signal_that_came_before_ends_it_too() -> None:
    program = AT_ONCE.replace("stop = StopRequest()\n", "stop = StopRequest()\nstop.signum = 15\n")
    done = subprocess.run([sys.executable, "-c", "import time\n" + program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "stopped by 15\n"
