"""Starts a plugin's program so that it ends when the process that started it does: `leash.py PARENT PROGRAM …`.

A task that is killed can tell nobody; the kernel does it (Linux: `PR_SET_PDEATHSIG`). Elsewhere the program ends when
it next reads or writes. Nothing of this process stays: it becomes the program.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it has ended meanwhile
            sys.exit(1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        os.execv(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
