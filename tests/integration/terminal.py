"""A command of `trivet` on a terminal."""

import os
import pty
import subprocess

from harness import program


def in_terminal(url, *arguments):
    """What a command writes to a terminal of 80 columns without colours as its standard output."""
    leader, follower = pty.openpty()
    with subprocess.Popen([program("trivet"), "--server", url] + list(arguments), stdout=follower,
                          env=dict(os.environ, NO_COLOR="1", LC_ALL="C.UTF-8")):
        os.close(follower)
        shown = b""
        try:
            while piece := os.read(leader, 65536):
                shown += piece
        except OSError:  # the end: nobody has the terminal any more
            pass
        os.close(leader)
    return shown.decode().replace("\r\n", "\n")
