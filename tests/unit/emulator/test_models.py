"""The models that can be emulated."""

from loopscope.emulator.models import MODELS, model_of, with_tag


def test_published_rates_are_there() -> None:
    """Single-stream rates as published."""
    rates = {name: model_of(name).tok_s for name in ("gemma3", "llama3.1:8b", "qwen2.5:7b", "gemma3:270m")}
    assert rates == {"gemma3": 100, "llama3.1:8b": 68, "qwen2.5:7b": 76, "gemma3:270m": 304}


def test_tag_is_added_as_ollama_does() -> None:
    """Also where the name has a host with a port."""
    assert with_tag("gemma3") == "gemma3:latest"
    assert with_tag("a:b") == "a:b"
    assert with_tag("host:5000/x/y") == "host:5000/x/y:latest"
    assert model_of("gemma3") is model_of("gemma3:latest") is MODELS["gemma3:latest"]


def test_any_name_will_do() -> None:
    """A model that is not in the table gets middling figures and says so."""
    assert not model_of("my-own").known
    assert model_of("my-own").full_name == "my-own:latest"
    assert len({model.digest for model in MODELS.values()}) == len(MODELS)
