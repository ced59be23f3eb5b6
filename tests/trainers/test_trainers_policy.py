"""Policies: built tiny, saved, loaded, adapted; and what is no policy is refused by name."""

import asyncio
import json
import shutil

import pytest
import torch
from tiny_players import chat_model, chat_tokenizer
from transformers import GPTNeoConfig, Lfm2Config, LlamaConfig, MistralConfig, RwkvConfig
from transformers.utils import logging as transformers_logging

from sotopia_env.agents import agent_factory
from sotopia_env.errors import ConfigurationError
from sotopia_env.runner import Cast, Task, run_episodes
from sotopia_trainers.policy import (
    PolicyRecord,
    check_attention,
    check_path,
    check_tokenizer,
    load_policy,
    read_record,
    with_lora,
    without_progress_bars,
)
from sotopia_trainers.settings import LoraSettings, TinySettings
from sotopia_trainers.tiny import build_tiny

IDS = torch.tensor([[5, 6, 7, 8]])


def logits(policy):
    with torch.inference_mode():
        return policy.model(input_ids=IDS).logits


@pytest.fixture
def offline(monkeypatch):
    """What HF_HUB_OFFLINE=1 would have set when the library was imported."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def folder(talker, tmp_path):
    talker.save(tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


def test_a_tiny_policy_has_about_a_million_parameters_by_default(texts):
    record = PolicyRecord(style="brief", max_turn_tokens=16, stage="initial")
    policy = build_tiny(texts, TinySettings(), record, 0)
    assert 500_000 < sum(p.numel() for p in policy.model.parameters()) < 5_000_000


def test_words_and_numbers_of_the_corpus_are_single_tokens(untrained):
    for number in range(151):
        assert len(untrained.tokenizer.encode(f" {number}", add_special_tokens=False)) == 1
    assert len(untrained.tokenizer.encode("OFFER 55\n", add_special_tokens=False)) == 3


def test_the_seed_makes_the_weights_and_leaves_the_global_generator_alone(texts, untrained):
    state = torch.get_rng_state()
    settings = TinySettings(vocabulary=700, hidden_size=16, intermediate_size=16, layers=1, heads=1)
    one, again, other = (
        build_tiny(texts, settings, untrained.record, seed).model.state_dict() for seed in (3, 3, 4)
    )
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_saved_policy_comes_back_as_it_was(talker, folder):
    loaded = load_policy(str(folder))
    assert torch.equal(logits(loaded), logits(talker))
    assert loaded.record == talker.record
    assert loaded.chat.stop_id == talker.chat.stop_id
    text = "OFFER 55\nIt is \U0001f4a1."
    assert loaded.chat.completion(text) == talker.chat.completion(text)


def test_a_checkpoint_is_safetensors_and_json(folder):
    assert {path.suffix for path in folder.iterdir()} == {".safetensors", ".json", ".jinja"}


def test_saving_and_loading_are_silent_and_leave_progress_bars_as_they_were(
    talker, tmp_path, capfd
):
    assert transformers_logging.is_progress_bar_enabled()
    talker.save(tmp_path / "one")
    load_policy(str(tmp_path / "one"))
    assert transformers_logging.is_progress_bar_enabled()
    assert capfd.readouterr() == ("", "")
    with without_progress_bars():
        load_policy(str(tmp_path / "one"))
        assert not transformers_logging.is_progress_bar_enabled()


def test_a_model_from_elsewhere_takes_the_record_it_is_given(chatml_folder):
    given = PolicyRecord(style="chat", max_turn_tokens=33, stage="initial")
    assert read_record(str(chatml_folder)) is None
    assert load_policy(str(chatml_folder), default=given).record == given
    assert load_policy(str(chatml_folder)).record.style == "chat"


def test_weights_are_loaded_in_the_wanted_precision(folder):
    assert load_policy(str(folder), dtype="bfloat16").model.dtype == torch.bfloat16


# -- what is refused ---------------------------------------------------------------------------


def without(name):
    return lambda folder: (folder / name).unlink()


def rewritten(name, text):
    return lambda folder: (folder / name).write_text(text)


def halved(folder, name="model.safetensors"):
    path = folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def with_config(**changes):
    def change(folder):
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


DAMAGES = {
    "no weights": (without("model.safetensors"), "it has no model.safetensors"),
    "no config": (without("config.json"), "it has no config.json"),
    "no chat template": (without("chat_template.jinja"), "has no chat template"),
    "a template that rewrites": (
        rewritten("chat_template.jinja", "{{ messages[-1]['content'] }}<|end|>"),
        "rewrites earlier turns|leaves out the system message",
    ),
    "no tokenizer": (without("tokenizer.json"), "cannot load"),
    "weights cut short": (halved, "cannot load"),
    "weights of another shape": (with_config(hidden_size=64), "cannot load"),
    "too few weights": (with_config(num_hidden_layers=3), "its weights lack model.layers.2"),
    "a config that is no JSON": (rewritten("config.json", "{"), "cannot load"),
    "an unknown kind of model": (rewritten("config.json", '{"model_type": "x"}'), "cannot load"),
    "an incomplete record": (
        rewritten("policy.json", '{"style": "brief", "stage": "clone"}'),
        "max_turn_tokens: Field required",
    ),
    "a record that is no JSON": (rewritten("policy.json", "{"), "the file: Invalid JSON"),
}
SEEN_FROM_OUTSIDE = [
    *("no weights", "no config", "no chat template", "weights cut short"),
    *("an incomplete record", "a record that is no JSON"),
]
"""Damages that show without building the model."""


@pytest.mark.parametrize(("damage", "reason"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_refused(damage, reason, folder):
    damage(folder)
    with pytest.raises(ConfigurationError, match=reason):
        load_policy(str(folder))


@pytest.mark.parametrize("name", SEEN_FROM_OUTSIDE)
def test_damage_is_found_before_anything_is_loaded(name, folder):
    check_path(str(folder))
    damage, reason = DAMAGES[name]
    damage(folder)
    with pytest.raises(ConfigurationError, match=reason):
        check_path(str(folder))


def test_a_record_that_is_no_text_is_refused(folder):
    (folder / "policy.json").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"policy\.json: the file: Invalid JSON"):
        check_path(str(folder))


def test_weights_in_several_files_are_all_looked_at(talker, folder):
    (folder / "model.safetensors").unlink()
    talker.model.save_pretrained(folder, max_shard_size="100KB")
    check_path(str(folder))
    assert load_policy(str(folder)).record == talker.record
    shards = sorted(folder.glob("model-*.safetensors"))
    assert len(shards) > 1
    whole = shards[-1].read_bytes()
    shards[-1].write_bytes(whole[:-1])
    with pytest.raises(ConfigurationError, match=f"{shards[-1].name} is damaged .*save the model"):
        check_path(str(folder))
    shards[-1].unlink()
    with pytest.raises(ConfigurationError, match=f"{shards[-1].name} is damaged .*No such file"):
        check_path(str(folder))
    shards[-1].write_bytes(whole)
    for text in ("{", "{}", '{"weight_map": 1}'):
        (folder / "model.safetensors.index.json").write_text(text)
        with pytest.raises(ConfigurationError, match=r"index.json is damaged"):
            check_path(str(folder))


@pytest.mark.parametrize(
    "path", ["nowhere", "./no/where", "/no/where", "a/b/c", "~/x", "tests/nowhere/"]
)
def test_a_path_that_is_no_folder_is_refused(path):
    with pytest.raises(ConfigurationError, match=r"is no checkpoint: there is no such folder"):
        check_path(path)


def test_a_file_is_no_checkpoint(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="there is no such folder"):
        check_path(str(tmp_path / "file"))


def test_an_empty_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(
        ConfigurationError, match=r"it has no config\.json and no model\.safetensors"
    ):
        check_path(str(tmp_path))


def test_a_hub_id_is_left_to_the_loading():
    check_path("owner/name")


def test_a_hub_id_that_cannot_be_loaded_is_refused(offline):
    with pytest.raises(ConfigurationError, match="cannot load no-such-owner/no-such-model"):
        load_policy("no-such-owner/no-such-model")


def test_a_model_that_does_not_see_all_earlier_tokens_is_refused():
    check_attention(LlamaConfig(), "somewhere")
    check_attention(MistralConfig(sliding_window=None), "somewhere")
    reason = "somewhere is of type mistral, with layers of sliding_attention; games are sampled"
    with pytest.raises(ConfigurationError, match=reason):
        check_attention(MistralConfig(sliding_window=64), "somewhere")
    with pytest.raises(ConfigurationError, match="of type lfm2, with layers of conv"):
        check_attention(Lfm2Config(num_hidden_layers=2, full_attn_idxs=[1]), "somewhere")
    with pytest.raises(ConfigurationError, match="of type gpt_neo, with layers of local"):
        check_attention(GPTNeoConfig(), "somewhere")
    with pytest.raises(ConfigurationError, match="of type rwkv, with layers of recurrent state"):
        check_attention(RwkvConfig(), "somewhere")


def test_an_unknown_precision_is_refused(folder):
    with pytest.raises(
        ConfigurationError, match=r"unknown dtype 'float31'. Did you mean 'float32'"
    ):
        load_policy(str(folder), dtype="float31")


# -- adapters ----------------------------------------------------------------------------------


@pytest.fixture
def adapted(chatml_folder):
    """A chat model with adapters that do something."""
    policy = with_lora(load_policy(str(chatml_folder)), LoraSettings(r=4, lora_alpha=8))
    generator = torch.Generator().manual_seed(0)
    for name, parameter in policy.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, generator=generator)
    policy.model.eval()
    return policy


def test_fresh_adapters_change_nothing_and_alone_are_trained(chatml_folder):
    base = load_policy(str(chatml_folder))
    policy = with_lora(load_policy(str(chatml_folder)), LoraSettings(r=4))
    assert torch.equal(logits(policy), logits(base))
    trained = {name for name, p in policy.model.named_parameters() if p.requires_grad}
    assert trained
    assert all("lora_" in name for name in trained)
    layers = 7 * base.model.config.num_hidden_layers  # of each block, all linear maps
    assert len(trained) == 2 * layers


def test_a_policy_that_has_adapters_keeps_them(adapted):
    assert with_lora(adapted, LoraSettings(r=8)) is adapted


def test_saved_adapters_come_back_trainable_or_merged(adapted, tmp_path):
    adapted.save(tmp_path / "adapters")
    assert not (tmp_path / "adapters" / "model.safetensors").exists()
    loaded = load_policy(str(tmp_path / "adapters"))
    assert torch.equal(logits(loaded), logits(adapted))
    trained = [name for name, p in loaded.model.named_parameters() if p.requires_grad]
    assert trained
    assert all("lora_" in name for name in trained)
    merged = load_policy(str(tmp_path / "adapters"), merge=True)
    assert not any("lora_" in name for name, _ in merged.model.named_parameters())
    torch.testing.assert_close(logits(merged), logits(adapted), atol=1e-5, rtol=1e-4)


def test_adapters_find_their_base_from_any_folder(chatml_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(chatml_folder.parent)
    policy = with_lora(load_policy(chatml_folder.name), LoraSettings(r=4))
    policy.save(tmp_path / "adapters")
    monkeypatch.chdir(tmp_path)
    assert torch.equal(logits(load_policy("adapters")), logits(policy))


def test_adapters_without_weights_are_refused(adapted, tmp_path):
    adapted.save(tmp_path / "adapters")
    (tmp_path / "adapters" / "adapter_model.safetensors").unlink()
    with pytest.raises(ConfigurationError, match=r"it has no adapter_model.safetensors"):
        load_policy(str(tmp_path / "adapters"))


@pytest.fixture
def on_a_base(chatml_folder, tmp_path):
    """A folder of adapters, and in `base` beside it the model they adapt."""
    shutil.copytree(chatml_folder, tmp_path / "base")
    with_lora(load_policy(str(tmp_path / "base")), LoraSettings(r=4)).save(tmp_path / "adapters")
    check_path(str(tmp_path / "adapters"))
    return tmp_path / "adapters"


def test_adapters_whose_base_is_gone_are_refused(on_a_base, offline):
    shutil.rmtree(on_a_base.parent / "base")
    for load in (load_policy, check_tokenizer):
        with pytest.raises(ConfigurationError, match=r"cannot load .*adapters"):
            load(str(on_a_base))


def test_adapters_that_are_damaged_or_whose_base_is_are_refused(on_a_base):
    halved(on_a_base.parent / "base")
    with pytest.raises(ConfigurationError, match=r"cannot load .*base: model.safetensors is dam"):
        check_path(str(on_a_base))
    halved(on_a_base, "adapter_model.safetensors")
    with pytest.raises(ConfigurationError, match=r"adapter_model.safetensors is damaged"):
        check_path(str(on_a_base))


def test_adapters_that_do_not_name_their_base_are_refused(on_a_base):
    for text in ("{", "{}", '{"base_model_name_or_path": null}'):
        (on_a_base / "adapter_config.json").write_text(text)
        with pytest.raises(ConfigurationError, match=r"adapter_config.json is damaged"):
            check_path(str(on_a_base))


# -- as an agent -------------------------------------------------------------------------------


def episodes_of(spec, seeds):
    agents = (spec, "scripted:linear")
    tasks = [
        Task(scenario="price_negotiation/test/0", agents=agents, seed=0, agent_seeds=(seed, 0))
        for seed in seeds
    ]
    return asyncio.run(run_episodes(tasks, cast=Cast()))


def test_a_checkpoint_is_an_agent_whose_games_are_decided_by_their_seeds(folder):
    one, other, again = (episodes_of(f"policy:{folder}", seeds) for seeds in ([1], [2], [2, 1]))
    assert one[0].status == "ok"
    assert one[0].turns == again[1].turns
    assert other[0].turns == again[0].turns
    assert one[0].turns != other[0].turns
    record = one[0].seats["agent_0"]
    assert record.context.token_ids is not None
    assert record.context.messages[0].role == "user"  # its own style, brief, and not the cast's


def test_a_colder_policy_says_what_it_finds_likelier(folder):
    def mean_logprob(temperature):
        spec = f"policy:{folder}?temperature={temperature}"
        found = [
            value
            for episode in episodes_of(spec, range(8))
            for decision in episode.seats["agent_0"].decisions
            for value in decision.logprobs
        ]
        return sum(found) / len(found)

    assert mean_logprob(0.1) > mean_logprob(1.0)


def test_a_checkpoint_is_sampled_at_the_temperature_it_was_trained_at(talker, tmp_path):
    talker.record = talker.record.model_copy(update={"temperature": 0.5})
    talker.save(tmp_path / "cold")
    own, said = (
        episodes_of(f"policy:{tmp_path / 'cold'}{option}", [1, 2])
        for option in ("", "?temperature=0.5")
    )
    other = episodes_of(f"policy:{tmp_path / 'cold'}?temperature=1", [1, 2])
    assert [episode.seats["agent_0"].decisions for episode in own] == [
        episode.seats["agent_0"].decisions for episode in said
    ]
    assert [episode.turns for episode in own] != [episode.turns for episode in other]


def test_adapters_are_an_agent_too(adapted, tmp_path):
    adapted.record = adapted.record.model_copy(update={"max_turn_tokens": 6})
    adapted.save(tmp_path / "adapters")
    assert episodes_of(f"policy:{tmp_path / 'adapters'}", [0])[0].status == "ok"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("temperatur=1", "unknown option of a policy 'temperatur'. Did you mean 'temperature'"),
        ("temperature=0", "temperature must be above 0"),
        ("temperature=nan", "temperature must be above 0"),
        ("temperature=warm", "temperature: could not convert"),
        ("device=abacus", "device: "),
        ("device=mtia", "device: Torch not compiled with"),  # no RuntimeError
        ("device=hpu", "device: "),  # nor this
    ],
)
def test_an_option_that_cannot_work_is_refused(folder, options, reason):
    with pytest.raises(ConfigurationError, match=reason):
        agent_factory(f"policy:{folder}?{options}")


def test_an_agent_of_no_checkpoint_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"it has no config.json"):
        agent_factory(f"policy:{tmp_path}")


def test_a_chat_model_without_a_padding_token_gets_one(tmp_path, texts):
    tokenizer = chat_tokenizer(texts)
    chat_model(tokenizer).save_pretrained(tmp_path)
    tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path)
    policy = load_policy(str(tmp_path))
    assert policy.tokenizer.pad_token_id is not None
