"""The report: words are shown as words, and what is not known is not drawn as 0."""

import json

import pytest
from tiny_players import LEARNER, Recited

from sotopia_env.run_folder import Run
from sotopia_env.runner import Cast
from sotopia_env.store import SqliteStore
from sotopia_trainers import evaluate
from sotopia_trainers.findings import Findings, summarise, table
from sotopia_trainers.grpo import Settings
from sotopia_trainers.report import write_report
from sotopia_trainers.rollout import PolicyAgent
from sotopia_trainers.settings import DemonstrationSettings, EvaluationSettings

HOSTILE = "<script>alert('x')</script> & {title} <img src=http://x.example/y.png>"
POOL, HELD_OUT = "scripted:linear", "scripted:patient"
REFERENCES = ("scripted:conceder", "scripted:boulware", "scripted:hard_headed", "scripted:solver")


def played(policy, folder, said, tag, games):
    cast = Cast(style="brief")
    sampler = Recited(policy, [[said] * 30 for _ in games])
    cast.factories[LEARNER] = lambda seat, seed: PolicyAgent(seat, seed, sampler)
    store = SqliteStore(folder / "episodes.sqlite")
    try:
        return evaluate.play(LEARNER, games, cast, tag=tag, store=store)
    finally:
        store.close()


@pytest.fixture
def findings(talker, tmp_path):
    games = evaluate.matches(["price_negotiation"], [POOL, HELD_OUT], split="test", count=2)
    return Findings(
        settings=Settings(
            scenarios=["price_negotiation"],
            partners=[POOL],
            held_out_partner=HELD_OUT,
            demonstrations=DemonstrationSettings(
                agents={"price_negotiation": ["scripted:conceder"]}
            ),
            evaluation=EvaluationSettings(scenarios=2, dialogues=3),
        ),
        folder=tmp_path,
        before=played(talker, tmp_path, HOSTILE, "clone", games),
        after=played(talker, tmp_path, "OFFER 40\nA fair price.", "grpo", games),
        references={spec: evaluate.play(spec, games, Cast(style="brief")) for spec in REFERENCES},
        demonstrators=evaluate.play("scripted:conceder", games, Cast(style="brief")),
    )


def write_metrics(folder, *lines):
    text = "".join(json.dumps({"step": n, **line}) + "\n" for n, line in enumerate(lines, 1))
    (folder / "metrics.jsonl").write_text(text)


def report_of(findings):
    run = Run(folder=findings.folder, command="test", seed=0, config_hash="0" * 8, config="")
    write_report(findings, run)
    return (findings.folder / "report.html").read_text()


def test_words_of_a_policy_are_shown_and_never_obeyed(findings):
    write_metrics(findings.folder, {"reward": 0.1, "entropy": 2.0})
    page = report_of(findings)
    assert "<script" not in page
    assert "<img src=http" not in page
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; {title}" in page
    assert page.count("<section class='match'>") == 3


def test_steps_of_unknown_reward_leave_a_gap(findings):
    unknown = {"reward": None, "entropy": None}
    for lines in ([unknown, {"reward": 0.2, "entropy": 2.0}, unknown], [unknown]):
        write_metrics(findings.folder, *lines)
        assert "data:image/png;base64," in report_of(findings)


def test_the_pool_and_the_held_out_partner_are_kept_apart(findings):
    summary = summarise(findings)
    assert set(summary["share"]["by_partner"]) == {POOL}
    assert summary["held_out"]["partner"] == HELD_OUT
    assert summary["share"]["grpo"]["n"] == summary["held_out"]["share"]["grpo"]["n"] == 4
    shares = [r.share for r in findings.after if r.match.partner == POOL]
    assert summary["share"]["grpo"]["value"] == pytest.approx(sum(shares) / 4)


def test_every_figure_comes_from_the_games_it_is_named_after(tmp_path):
    """Everybody has a share of its own with either partner, so no two figures can be exchanged."""
    games = evaluate.matches(["price_negotiation"], [POOL, HELD_OUT], split="test", count=2)

    def got(with_pool, with_held_out):
        return [
            evaluate.Result(
                match=match,
                share=with_pool if match.partner == POOL else with_held_out,
                is_agreed=with_pool > 0.2 if match.partner == POOL else False,
                turns=5,
                invalid_moves=0,
                utterances=("OFFER 40\nA fair price.",),
            )
            for match in games
        ]

    summary = summarise(
        Findings(
            settings=Settings(
                scenarios=["price_negotiation"], partners=[POOL], held_out_partner=HELD_OUT
            ),
            folder=tmp_path,
            before=got(0.1, 0.25),
            after=got(0.7, 0.55),
            references={
                "scripted:boulware": got(0.8, 0.15),
                "scripted:patient": got(0.3, 0.95),
                "scripted:hard_headed?level=0.5": got(0.4, 0.35),
                "scripted:hard_headed?level=1": got(0.2, 0.85),
                "scripted:solver": got(0.9, 0.45),
            },
            demonstrators=got(0.15, 0.65),
        )
    )
    share, held_out = summary["share"], summary["held_out"]
    assert {name: share[name]["value"] for name in share if "value" in share[name]} == {
        "clone": pytest.approx(0.1),
        "grpo": pytest.approx(0.7),
        "gain": pytest.approx(0.6),
        "demonstrators": pytest.approx(0.15),
        "best_scripted": pytest.approx(0.8),
        "best_constant": pytest.approx(0.4),
        "over_best_constant": pytest.approx(0.3),
        "solver": pytest.approx(0.9),
    }
    assert share["best_scripted"]["agent"] == "scripted:boulware"
    assert share["best_constant"]["agent"] == "scripted:hard_headed?level=0.5"
    for value, (clone, grpo) in (("share", (0.25, 0.55)), ("win_rate", (0, 1))):
        assert held_out[value]["clone"]["value"] == pytest.approx(clone)
        assert held_out[value]["grpo"]["value"] == pytest.approx(grpo)
        assert held_out[value]["gain"]["value"] == pytest.approx(grpo - clone)
    for by in (share["by_partner"][POOL], share["by_seat"]["agent_0"], share["by_seat"]["agent_1"]):
        assert [by[name]["value"] for name in ("clone", "grpo", "gain")] == pytest.approx(
            [0.1, 0.7, 0.6]
        )
    assert summary["agreement"]["clone"]["value"] == 0
    assert summary["agreement"]["grpo"]["value"] == 1


def test_who_saw_the_solution_is_not_the_best_scripted_agent(findings):
    summary = summarise(findings)
    best = {
        spec: evaluate.mean_share(findings.pool(results)).value
        for spec, results in findings.references.items()
    }
    named = summary["share"]["best_scripted"]["agent"]
    assert best[named] == max(best["scripted:conceder"], best["scripted:boulware"])
    assert summary["share"]["best_constant"]["agent"] == "scripted:hard_headed"
    assert best["scripted:solver"] >= best[named]


def test_babble_is_reported_as_no_agreement_and_no_share(findings):
    summary = summarise(findings)
    assert summary["agreement"]["clone"]["value"] == 0
    assert summary["share"]["clone"]["value"] == 0
    lines = table(findings, summary).splitlines()
    (line,) = [line for line in lines if line.startswith("agreement rate")]
    assert line.split()[2:5] == ["0.000", "[0.000,", "0.658]"]  # Wilson's, of two scenarios


def test_the_figures_are_strict_json(findings):
    write_metrics(findings.folder, {"reward": 0.1, "entropy": 2.0})
    report_of(findings)

    def refuse(name):
        raise AssertionError(name)

    json.loads((findings.folder / "summary.json").read_text(), parse_constant=refuse)
