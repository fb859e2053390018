"""Other tools install the versions of the lock file."""

import shutil
import subprocess

import pytest
from conftest import ROOT


@pytest.mark.skipif(not shutil.which("uv"), reason="needs uv, which exports the lock")
def test_the_requirements_equal_the_lock():
    command = ["uv", "export", "--frozen", "--no-dev", "--no-emit-project", "--no-header"]
    lock = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    written = (ROOT / "envs/requirements.txt").read_text()
    assert packages(written) == packages(lock)


def packages(text: str) -> list[str]:
    """Versions and hashes, without markers, which versions of uv write differently."""
    lines = (line.partition(" ;")[0].rstrip(" \\") for line in text.splitlines())
    return [line for line in lines if "==" in line or "--hash" in line]


def test_every_requirement_has_a_hash():
    text = (ROOT / "envs/requirements.txt").read_text()
    packages = [line for line in text.splitlines() if "==" in line]
    assert len(packages) > 100
    assert all(line.endswith("\\") for line in packages)
