"""Debian packages, free ports, and waiting for a server."""
import os
import socket
import subprocess
import time

from runs import BenchError, say

START_TIMEOUT_S = 60


def install(package, program):
    """Installs a package unless its program is there."""
    if os.path.exists(program):
        return
    say(f"installing {package}")
    root = [] if os.geteuid() == 0 else ["sudo"]
    # In runlevel 1 a package does not start its service where there is no systemd.
    environment = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"]
    for words in (["update"], ["-y", "--no-install-recommends", "install", package]):
        result = subprocess.run([*root, *environment, "apt-get", "-qq", *words], capture_output=True, text=True,
                                check=False)
        if result.returncode != 0:
            raise BenchError(f"{package} cannot be installed:\n{result.stdout}{result.stderr}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(command, **options):
    """stdout of a program that must succeed."""
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    if result.returncode != 0:
        raise BenchError(f"{' '.join(map(str, command))[:300]}: exit {result.returncode}\n"
                         f"{result.stdout[-2000:]}{result.stderr[-2000:]}")
    return result.stdout


def wait_until(is_ready, process, name):
    give_up = time.monotonic() + START_TIMEOUT_S
    while not is_ready():
        if process.poll() is not None or time.monotonic() > give_up:
            raise BenchError(f"{name} does not start")
        time.sleep(0.1)


def end(process):
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
