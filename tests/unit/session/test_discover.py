"""Which servers a session gets, and the sentence when it gets none."""

import socket
from typing import TYPE_CHECKING

import pytest

from loopscope.core.errors import InputError
from loopscope.core.records import Server
from loopscope.session.discover import NoPair, find_pair, resolve, with_tag

if TYPE_CHECKING:
    from .conftest import Stubs


@pytest.fixture
def nobody() -> str:
    """A URL on which nobody listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{s.getsockname()[1]}"


def reason(found: list[Server] | NoPair) -> str:
    assert isinstance(found, NoPair)
    return found.reason


def test_pair_with_a_common_model_is_used(stubs: "Stubs") -> None:
    """Two Ollama servers with one model in common are the pair, and that is its model."""
    urls = [stubs.serve(stubs.ollama("a:1", "b:1")), stubs.serve(stubs.ollama("c:1", "b:1"))]
    found = find_pair(urls=urls)
    assert found
    assert [(server.url, server.api, server.model, server.version) for server in found] == [
        (urls[0], "ollama", "b:1", "0.33.0"),
        (urls[1], "ollama", "b:1", "0.33.0"),
    ]


def test_model_in_memory_is_preferred(stubs: "Stubs") -> None:
    """Of several common models, the one that most servers hold in memory; else the first one listed."""
    cold = [stubs.serve(stubs.ollama("a:1", "b:1")), stubs.serve(stubs.ollama("b:1", "a:1"))]
    warm = [cold[0], stubs.serve(stubs.ollama("a:1", "b:1", loaded=("b:1",)))]
    assert [server.model for server in find_pair(urls=cold) or []] == ["a:1", "a:1"]
    assert [server.model for server in find_pair(urls=warm) or []] == ["b:1", "b:1"]


def test_model_may_be_given_without_its_tag(stubs: "Stubs") -> None:
    """gemma3 is gemma3:latest; the server's own writing is used."""
    urls = [stubs.serve(stubs.ollama("a:1", "gemma3:latest")), stubs.serve(stubs.ollama("gemma3:latest", "a:1"))]
    assert [server.model for server in find_pair("gemma3", urls) or []] == ["gemma3:latest"] * 2


def test_model_that_not_both_have_is_wrong_input(stubs: "Stubs") -> None:
    """Asked for by name and not there: a sentence with what both have, not a quiet change to something else."""
    urls = [stubs.serve(stubs.ollama("a:1", "b:1")), stubs.serve(stubs.ollama("b:1"))]
    with pytest.raises(InputError, match="'a:1'; both have b:1"):
        find_pair("a:1", urls)


def test_nobody_there_is_no_pair(nobody: str) -> None:
    """Where nothing listens there is no pair, and the reason names both addresses."""
    found = find_pair(urls=[nobody, nobody])
    assert not found
    assert reason(found).count("127.0.0.1:") == 2


def test_one_alone_is_no_pair_and_names_the_other(stubs: "Stubs", nobody: str) -> None:
    """One server is not two: the reason names who answers, who does not, and what to do."""
    url = stubs.serve(stubs.ollama("a:1"))
    found = find_pair(urls=[url, nobody])
    assert isinstance(found, NoPair)
    assert found.answering == (url,)
    assert "refused" in found.reason
    assert "servers up" in found.reason


def test_server_of_another_kind_is_not_half_a_pair(stubs: "Stubs") -> None:
    """Something else on Ollama's port is named in the reason."""
    urls = [stubs.serve(stubs.ollama("a:1")), stubs.serve(stubs.openai("a:1", owner="vllm"))]
    assert "vLLM" in reason(find_pair(urls=urls))


def test_no_common_model_is_no_pair(stubs: "Stubs") -> None:
    """Two servers with nothing in common cannot be compared."""
    urls = [stubs.serve(stubs.ollama("a:1")), stubs.serve(stubs.ollama("b:1"))]
    assert "no model in common" in reason(find_pair(urls=urls))


def test_given_urls_get_dialect_and_model(stubs: "Stubs") -> None:
    """A llama.cpp server given without its dialect is spoken to as OpenAI, with its only model and its slots told."""
    routes = {**stubs.openai("random-small", owner="llamacpp"), "/props": {"total_slots": 2}}
    url = stubs.serve(routes, server_header="llama.cpp")
    (server,) = resolve([f"{url}/v1"])
    assert (server.url, server.api, server.model) == (url, "openai", "random-small")
    assert server.words == "llama.cpp, 2 slots"


def test_one_model_each_may_bear_different_names(stubs: "Stubs") -> None:
    """Two servers with one model each are used as they are."""
    servers = resolve([stubs.serve(stubs.openai("left")), stubs.serve(stubs.openai("right"))])
    assert [server.model for server in servers] == ["left", "right"]


def test_several_models_and_none_loaded_must_be_chosen(stubs: "Stubs") -> None:
    """Which of several models is meant cannot be known: the sentence lists them."""
    url = stubs.serve(stubs.ollama("a:1", "b:1"))
    with pytest.raises(InputError, match="--model: a:1, b:1"):
        resolve([url])


def test_only_model_in_memory_is_chosen(stubs: "Stubs") -> None:
    """Several models, but one in memory: that one."""
    assert resolve([stubs.serve(stubs.ollama("a:1", "b:1", loaded=("b:1",)))])[0].model == "b:1"


def test_model_that_is_not_there_is_wrong_input_with_the_list(stubs: "Stubs") -> None:
    """A long list is cut and counted."""
    url = stubs.serve(stubs.ollama(*(f"m{n}:1" for n in range(12))))
    with pytest.raises(InputError, match=r"no model 'x'; it has m0:1, .* and 4 more"):
        resolve([url], model="x")


def test_servers_without_common_model_or_any_are_wrong_input(stubs: "Stubs") -> None:
    """No model at all, or none in common: each has its sentence."""
    with pytest.raises(InputError, match="has no model"):
        resolve([stubs.serve(stubs.ollama())])
    urls = [stubs.serve(stubs.ollama("a:1", "b:1")), stubs.serve(stubs.ollama("c:1", "d:1"))]
    with pytest.raises(InputError, match=r"no model in common: .*a:1, b:1.*c:1, d:1"):
        resolve(urls)


def test_dialect_that_the_server_does_not_speak_is_wrong_input(stubs: "Stubs") -> None:
    """Ollama's dialect towards a vLLM cannot work; OpenAI's towards an Ollama can."""
    with pytest.raises(InputError, match="does not speak Ollama"):
        resolve([stubs.serve(stubs.openai("m", owner="vllm"))], api="ollama")
    assert resolve([stubs.serve(stubs.ollama("m:1"))], api="openai")[0].api == "openai"


def test_silent_server_needs_a_model_by_name(nobody: str) -> None:
    """With a name it is kept, and its agents will say what is wrong; without one nothing can be asked of it."""
    (server,) = resolve([nobody], model="gemma3")
    assert (server.api, server.model) == ("ollama", "gemma3")
    assert "refused" in server.words
    with pytest.raises(InputError, match=r"does not answer.*--model"):
        resolve([nobody])


def test_silent_server_beside_one_that_answers_is_taken_to_be_alike(stubs: "Stubs", nobody: str) -> None:
    """The other's dialect and model are the best guess for a server that comes later."""
    alive, silent = resolve([stubs.serve(stubs.openai("m")), nobody])
    assert (silent.api, silent.model) == (alive.api, alive.model) == ("openai", "m")


def test_tags() -> None:
    """The default tag is added to names without one; a registry's port is no tag."""
    assert with_tag("gemma3") == "gemma3:latest"
    assert with_tag("gemma3:4b") == "gemma3:4b"
    assert with_tag("host:5000/lib/gemma3") == "host:5000/lib/gemma3:latest"


def test_credentials_never_reach_a_server_record(nobody: str) -> None:
    """A URL with a password is refused before anybody is asked."""
    with pytest.raises(InputError, match="credentials"):
        resolve([nobody.replace("http://", "http://me:secret@")], model="m")
