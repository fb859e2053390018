"""What other tools install is what the lock says."""

import shutil
import subprocess

import pytest
from conftest import ROOT


@pytest.mark.skipif(not shutil.which("uv"), reason="needs uv, which exports the lock")
def test_the_requirements_are_those_of_the_lock():
    command = ["uv", "export", "--frozen", "--no-dev", "--no-emit-project", "--no-header"]
    lock = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    written = (ROOT / "envs/requirements.txt").read_text()
    body = [line for line in written.splitlines() if not line.startswith("#")]
    assert body == lock.splitlines()


def test_every_requirement_has_a_hash():
    text = (ROOT / "envs/requirements.txt").read_text()
    packages = [line for line in text.splitlines() if "==" in line]
    assert len(packages) > 100
    assert all(line.endswith("\\") for line in packages)
