"""The workspace itself: what fixes the environment, and what no committed file may hold."""

import re
import subprocess
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest
import uv
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("sotopia_env", "sotopia_trainers", "sotopia_tom")
PLATFORMS = [
    {
        "sys_platform": system,
        "platform_machine": machine,
        "python_full_version": f"{python}.1",
        "python_version": python,
    }
    for system, machine in (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"))
    for python in ("3.11", "3.12", "3.13")
]
# In pieces, so that this file does not hold what it looks for.
HOSTS = (
    "py" + "pi.org",
    "python" + "hosted",
    "download.py" + "torch.org",
    "npm" + "js.",
    "deb." + "debian",
)
MACHINE_PATH = re.compile(r"(?<![\w.~>})-])/(?:home|root|Users|work)/[\w.-]")


def committed_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode != 0:
        pytest.skip(f"git lists no files here: {listed.stderr.strip()}")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def lines_matching(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line[:100]}"
        for path in committed_files()
        for number, line in enumerate(path.read_bytes().decode(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def requirements(text: str) -> dict[tuple[str, tuple[bool, ...]], list[str]]:
    """Return the hashes of each `name==version` and of where its marker holds."""
    blocks = re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    found = {}
    for block in blocks:
        requirement = Requirement(block.split(" --hash=")[0].strip())
        # releases of uv write the same marker in different forms
        holds = tuple(not requirement.marker or requirement.marker.evaluate(p) for p in PLATFORMS)
        found[f"{requirement.name}{requirement.specifier}", holds] = re.findall(
            r"--hash=(\S+)", block
        )
    return found


def uv_lock() -> dict[str, set[str]]:
    """Return the versions of every package of `uv.lock`, which the first `uv run` writes."""
    path = ROOT / "uv.lock"
    if not path.exists():
        pytest.skip("no uv.lock yet: run `uv lock`")
    versions = defaultdict(set)
    for package in tomllib.loads(path.read_text())["package"]:
        if "registry" in package["source"]:
            versions[package["name"]].add(package["version"])
    return versions


def test_requirements_lock_is_the_export_of_uv_lock() -> None:
    uv_lock()
    exported = subprocess.run(
        [
            uv.find_uv_bin(),
            "export",
            "--frozen",
            "--offline",
            "--quiet",
            "--no-emit-workspace",
            "--no-header",
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    committed = (ROOT / "requirements.lock").read_text()
    assert requirements(committed) == requirements(exported), "run scripts/refresh_lock"


def test_every_package_with_one_version_is_pinned_to_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    single = [
        f"{name}=={min(found)}" for name, found in sorted(uv_lock().items()) if len(found) == 1
    ]
    assert project["tool"]["uv"]["constraint-dependencies"] == single, "run scripts/refresh_lock"


def test_every_locked_requirement_has_hashes_and_no_option_stands_between_them() -> None:
    locked = requirements((ROOT / "requirements.lock").read_text())
    assert len(locked) > 100
    for (requirement, _), hashes in locked.items():
        assert re.match(r"[a-z0-9][a-z0-9._-]*==[\w.+]+$", requirement), requirement
        assert hashes, requirement


def test_no_committed_file_names_the_host_of_a_package_index() -> None:
    assert lines_matching(re.compile("|".join(map(re.escape, HOSTS)))) == []


def test_no_committed_file_holds_a_path_of_a_machine() -> None:
    assert lines_matching(MACHINE_PATH) == []


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("cd /ho" + "me/ann/sotopia", True),
        ('"/ro' + 'ot/.cache"', True),
        ("file:///Us" + "ers/ann", True),
        ("https://example.org/ho" + "me/page", False),
        ("~/wo" + "rk/sotopia", False),
        ("$HOME/ro" + "ot/x", False),
    ],
)
def test_machine_paths_are_told_from_addresses(line: str, is_found: bool) -> None:
    assert bool(MACHINE_PATH.search(line)) is is_found


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_typed_and_carries_the_configurations(package: str) -> None:
    source = ROOT / "packages" / package / "src" / package
    assert (source / "py.typed").exists()
    assert (source / "hydra_conf").resolve() == ROOT / "hydra_conf"


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_carries_the_license_of_the_project(package: str) -> None:
    licence = (ROOT / "packages" / package / "LICENSE").read_bytes()
    assert licence == (ROOT / "LICENSE").read_bytes()
