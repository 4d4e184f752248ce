"""``saetui serve``: a browser here gets the workbench, a page from elsewhere does not."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from store import Workspace

needs_serve = pytest.mark.skipif(
    importlib.util.find_spec("textual_serve") is None, reason="textual-serve is not installed"
)


@pytest.fixture
def port() -> int:
    """One that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


@pytest.fixture
def server(tmp_path: Path, port: int):
    root = Workspace.create(tmp_path / "garden").root
    line = [sys.executable, "-m", "saetui", "serve", str(root), "--port", str(port)]
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    told = process.stderr.readline()
    assert f"http://127.0.0.1:{port}" in told, told
    yield process
    process.kill()
    process.wait()


@needs_serve
def test_it_answers_this_machine_and_ends_cleanly(server, port):
    aiohttp = pytest.importorskip("aiohttp")
    here = f"http://127.0.0.1:{port}"

    async def visit() -> None:
        async with aiohttp.ClientSession() as browser:
            async with browser.get(here) as page:
                assert page.status == 200
                assert "garden" in await page.text()
            for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
                async with browser.get(here, headers=headers) as page:
                    assert page.status == 403, headers
                with pytest.raises(aiohttp.WSServerHandshakeError):
                    await browser.ws_connect(f"{here}/ws", headers=headers)
            seen = b""
            async with browser.ws_connect(f"{here}/ws?width=80&height=24", origin=here) as shown:
                async with asyncio.timeout(120):
                    while b"Overview" not in seen:
                        message = await shown.receive()
                        assert message.type is aiohttp.WSMsgType.BINARY or message.data, message
                        if message.type is aiohttp.WSMsgType.BINARY:
                            seen += message.data

    asyncio.run(visit())
    with socket.socket() as other:  # any address of this machine but the loopback
        other.settimeout(1)
        address = socket.gethostbyname(socket.gethostname())
        if not address.startswith("127."):
            assert other.connect_ex((address, port)) != 0
    server.send_signal(signal.SIGINT)
    assert server.wait(120) == 0
    assert "Traceback" not in server.stderr.read()


@needs_serve
def test_a_port_that_is_taken_is_told(server, port, tmp_path):
    line = [sys.executable, "-m", "saetui", "serve", str(tmp_path / "garden"), "--port", str(port)]
    told = subprocess.run(line, capture_output=True, text=True, check=False, timeout=120)
    assert told.returncode == 1
    assert f"Port {port} cannot be used" in told.stderr


def test_without_textual_serve_it_says_what_to_install(tmp_path):
    Workspace.create(tmp_path / "garden")
    hidden = tmp_path / "hidden" / "textual_serve"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError")
    path = f"{hidden.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    line = [sys.executable, "-m", "saetui", "serve", str(tmp_path / "garden")]
    told = subprocess.run(
        line, capture_output=True, text=True, check=False, timeout=120,
        env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    assert told.returncode == 2
    assert "pip install" in told.stderr and "Traceback" not in told.stderr
