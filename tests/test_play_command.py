"""The command `parsim play`: its address, its end, and what is wrong with its arguments."""

import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from commands import SIXTH, process

pytest.importorskip("uvicorn", reason="the server needs the extra page")


def started(*arguments):
    command = [sys.executable, "-m", "parsim", "play", "--no-browser", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.dear
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_alone_and_ends_in_silence(sign):
    server = started(str(SIXTH))
    address = server.stdout.readline().rstrip("\n")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", address)
    with urllib.request.urlopen(address) as page:
        assert b"/static/play.js" in page.read()
    server.send_signal(sign)
    out, err = server.communicate(timeout=30)
    assert (server.returncode, out, err) == (0, "", "")


def test_a_port_in_use_is_told_in_a_line():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        done = process("play", "--no-browser", "--port", str(port))
    message = f"--port:0:0: port: {port} is in use; name another one, or leave it out for a free one\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)


@pytest.mark.parametrize("port", ["-1", "65536", "x", ""])
def test_a_wrong_port_is_told(port):
    done = process("play", "--no-browser", f"--port={port}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("--port:0:0: port: ")


def test_a_missing_scenario_is_told(tmp_path):
    done = process("play", str(tmp_path / "nowhere.yaml"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{tmp_path / 'nowhere.yaml'}:0:0: SCENARIO: no such file\n"


def test_without_the_extra_it_says_how_to_install_it():
    code = (
        "import sys; sys.modules['uvicorn'] = None; sys.argv = ['parsim', 'play', '--no-browser'];"
        " from parsim.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "parsim: play needs the extra page: pip install -e '.[page]' in the folder of parsim\n"
