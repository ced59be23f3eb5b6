"""What the pages and configurations of the package promise."""

import re
from pathlib import Path

import pytest

from sotopia_tom.evaluate import AGENTS, BASELINES

ROOT = Path(__file__).parents[2]


def test_the_readme_example_prints_what_it_says(capsys: pytest.CaptureFixture[str]):
    page = (ROOT / "packages" / "sotopia_tom" / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})
    promised = re.findall(r"print\(.*\)  # ([\w ]+)", example)
    assert capsys.readouterr().out.splitlines() == promised == ["tin trunk", "clay jar"]


def test_every_agent_has_a_configuration_and_every_configuration_an_agent():
    stems = {path.stem for path in (ROOT / "hydra_conf" / "agent").glob("*.yaml")}
    assert stems == set(AGENTS)
    assert set(BASELINES) < set(AGENTS)


def test_the_page_names_every_rule_and_agent():
    page = (ROOT / "docs" / "theory_of_mind.md").read_text(encoding="utf-8")
    for word in [*AGENTS, "R0", "R1", "R2", "R3", "R4", "R5", "R6"]:
        assert word in page
