"""Who may ask the server of `parsim play`: the page with the token, under this machine's own name, and nobody else."""

import json
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="the server needs the extra page")

from served import TOKEN, Served

ROOT = Path(__file__).parents[1]
UP = ".."
FILE = ROOT / "scenarios" / "06_pipeline_1f1b.yaml"


@pytest.fixture(scope="module")
def server():
    with Served(FILE) as server:
        yield server


def test_the_page_and_its_files_are_served(server):
    page = server.get(f"/{TOKEN}/")
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert json.loads(server.get(f"/{TOKEN}/start").body) == {"text": FILE.read_text(), "command": ""}
    assert server.get(f"/{TOKEN}/alive").status == 204
    for static in (ROOT / "parsim/page/static").glob("*.[jc]s*"):
        assert server.get(f"/static/{static.name}").body == static.read_bytes()


@pytest.mark.parametrize(
    "path", ["/", "/wrong/", "/wrong/start", f"/{TOKEN}x/", f"/{TOKEN[:-1]}/", "//", "/%2e/", "/docs"]
)
def test_without_the_token_nothing_but_static_files_is_served(server, path):
    assert server.get(path).status == 403
    assert server.play({}, path=path).status == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.0.0.1.evil.example:{port}",
        "",
        "[::1]:{port}",
    ],
)
def test_another_host_is_refused_everywhere(server, host):
    """A name of another site that points to this machine is how DNS rebinding reads a local server."""
    for path in (f"/{TOKEN}/", f"/{TOKEN}/start", "/static/play.js"):
        assert server.get(path, host=host.format(port=server.port)).status == 421


def test_localhost_is_this_machine(server):
    assert server.get(f"/{TOKEN}/alive", host=f"LOCALHOST:{server.port}").status == 204


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "https://127.0.0.1:{port}"},
        {"origin": "http://127.0.0.1:80"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_what_another_site_sends_is_refused_even_with_the_token(server, headers):
    asked = {"page": "a", "text": FILE.read_text(encoding="utf-8")}
    headers = {name: value.format(port=server.port) for name, value in headers.items()}
    assert server.play(asked, headers=headers).status == 403
    assert server.get(f"/{TOKEN}/start", headers=headers).status == 403


def test_a_form_of_another_page_cannot_play(server):
    """Forms can send text/plain and two more types anywhere without asking; application/json they cannot."""
    body = '{"page": "a", "text": ""}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert server.play(body, headers={"content-type": kind}).status == 415


@pytest.mark.parametrize(
    "name",
    [
        f"{UP}/server.py",
        f"{UP}%2fserver.py",
        "%2e%2e/server.py",
        "%2e%2e%2fserver.py",
        f"{UP}\\server.py",
        f"{UP}{UP}//server.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "play.html",
        "play.js%00.css",
        "",
        "start",  # what stands behind the token
        "alive",
        "play",
    ],
)
def test_no_path_leads_out_of_the_static_files(server, name):
    answer = server.get(f"/static/{name}")
    assert answer.status in (403, 404)
    assert "import" not in answer.text
    assert "root:" not in answer.text


def test_every_answer_forbids_frames_foreign_scripts_and_caches(server):
    for path in (f"/{TOKEN}/", f"/{TOKEN}/start", "/wrong/", "/static/nothing.js"):
        headers = server.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


def test_other_methods_and_sockets_are_refused(server):
    assert server.get(f"/{TOKEN}/play").status == 405
    assert server.ask("OPTIONS", "*").status == 403
    assert server.ask("PUT", f"/{TOKEN}/", b"x").status == 405
    assert server.ask("OPTIONS", "*").status == 403
    socket = {
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-key": "x" * 22 + "==",
        "sec-websocket-version": "13",
    }
    assert server.get("/", headers=socket).status == 403


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"page": "a"}',
        b'{"page": "", "text": ""}',
        b'{"page": "a", "text": 1}',
        b'{"page": "a", "text": "\\ud800"}',
        b'{"page": "a", "text": "", "values": []}',
        b'{"page": "a", "text": "", "values": {"seed": NaN}}',
        b'{"page": "a", "text": "", "slow": 1}',
        b'{"page": "a", "text": "", "slow": {"device": true, "speed": 1}}',
        b'{"page": "%s", "text": ""}' % (b"a" * 65),
    ],
)
def test_what_is_no_request_is_refused(server, body):
    answer = server.play(body)
    assert answer.status == 400
    assert answer.text.startswith("this is no request: ")


def test_a_large_request_is_refused(server):
    assert server.play(b" " * 2**20 + b"{").status == 413
    assert server.play(b" " * 2**20).status == 400  # as long as it may be, but no request
