"""curl as judge: what the printed example does."""

import json
import shutil
import subprocess

import pytest

from kit.emulators import emulator

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")


def curl(*words: str) -> subprocess.CompletedProcess[bytes]:
    """Run curl."""
    return subprocess.run(["curl", "-sS", "--max-time", "20", *words], capture_output=True)


def test_curl_reads_the_stream() -> None:
    """curl -N prints line after line, and ends well."""
    with emulator() as one:
        body = json.dumps({"model": "gemma3", "prompt": "hello", "options": {"num_predict": 8}})
        result = curl("-N", f"{one.url}/api/generate", "-d", body)
        assert result.returncode == 0, result.stderr
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        assert [line["done"] for line in lines] == [False] * 8 + [True]
        old = curl("--http1.0", "-N", f"{one.url}/api/generate", "-d", body)
        assert len(old.stdout.splitlines()) == 9


def test_curl_sends_a_large_body() -> None:
    """More than a MiB makes curl wait for permission; a chunked upload works too."""
    with emulator() as one:
        body = json.dumps({"model": "gemma3", "prompt": "x" * (2 << 20), "options": {"num_predict": 1}}).encode()
        for more in ((), ("-H", "Transfer-Encoding: chunked")):
            result = subprocess.run(
                ["curl", "-sS", "--max-time", "20", f"{one.url}/api/generate", *more, "--data-binary", "@-"],
                input=body,
                capture_output=True,
            )
            assert [json.loads(line)["done"] for line in result.stdout.splitlines()] == [False, True]


def test_curl_sees_faults_for_what_they_are() -> None:
    """A cut is a transfer that ended early, a reset a reset."""
    with emulator() as one:
        for fault, codes in (("cut", {18}), ("rst", {56})):
            one.fault(fault, after=3)
            body = json.dumps({"model": "gemma3", "prompt": "p"})
            assert curl("-N", f"{one.url}/api/generate", "-d", body).returncode in codes
