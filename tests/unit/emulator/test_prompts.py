"""From options to what will be said."""

from typing import Any

import pytest

from loopscope.emulator.answers import ApiError
from loopscope.emulator.corpus import TOKENS, text_of
from loopscope.emulator.options import Options
from loopscope.emulator.prompts import check_options, count_tokens, runner_options, same_runner
from loopscope.emulator.reply import Script
from loopscope.emulator.script_writer import Wish, write_script


def script(options: dict[str, Any], number: int = 1, prompt: str = "p", form: object = None, **server: Any) -> Script:
    """What a request with these options will say."""
    return write_script(Options(**server), number, prompt, options, Wish(form=form))


def said(one: Script) -> str:
    """All that a script shows."""
    return one.content().decode()


def test_limit_is_kept_to_the_token() -> None:
    """With num_predict the answer has just as many tokens and ends for its length."""
    one = script({"num_predict": 7})
    assert (one.tokens, one.spoken, one.eos, one.reason) == (7, 7, False, "length")


def test_without_a_limit_it_ends_by_itself() -> None:
    """The end token is one more than what is said, lengths vary around the mean, and the reason is stop."""
    lengths = [script({}, number, tokens=200) for number in range(400)]
    assert all(one.eos and one.reason == "stop" and one.tokens == one.spoken + 1 for one in lengths)
    assert 185 < sum(one.spoken for one in lengths) / 400 < 215
    assert len({one.spoken for one in lengths}) > 50


def test_seeds_repeat_and_differ() -> None:
    """The request's seed decides, else the server's and the number of the request; at temperature 0 the prompt."""
    assert script({"seed": 5}, 1) == script({"seed": 5}, 2)
    assert script({"seed": 5}) != script({"seed": 6})
    assert script({}, 1) != script({}, 2)
    assert script({}, 1) == script({}, 1)
    assert script({}, 1) != script({}, 1, seed=9)
    assert script({"temperature": 0, "seed": 1}, 1) == script({"temperature": 0.0, "seed": 2}, 2)
    assert script({"temperature": 0}, prompt="a") != script({"temperature": 0}, prompt="b")


def test_stop_string_is_held_back_and_cut() -> None:
    """Nothing of the stop string is shown, nor anything after it; the tokens up to it are counted."""
    whole = "".join(text_of("words").texts[(script({"num_predict": 60}).start + n) % TOKENS] for n in range(60))
    word = whole.split()[20]
    one = script({"num_predict": 60, "stop": ["never said", word]})
    assert said(one) == whole[: whole.index(word)].replace("\n", "\\n")
    assert (one.reason, one.eos) == ("stop", False)
    assert any(not fragment for fragment in one.text.fragments), "its beginning was held back"


def test_what_only_began_like_a_stop_string_is_shown_in_the_end() -> None:
    """Held back text comes out joined, and nothing is lost when no stop string is complete."""
    plain = script({"num_predict": 60})
    held = script({"num_predict": 60, "stop": ["th$", "a$", " $", "e$"]})
    assert said(held) == said(plain)
    assert held.spoken == 60
    assert sum(map(bool, held.text.fragments)) < 60


def test_json_is_said_where_json_is_asked_for() -> None:
    """A valid object when the limit allows it, the beginning of one when it does not."""
    import json

    whole = script({}, form="json")
    assert set(json.loads(json.loads(b'"' + whole.content() + b'"'))) == {"answer"}
    assert whole.reason == "stop"
    cut = script({"num_predict": 3}, form="json")
    assert (said(cut), cut.tokens, cut.reason) == ('{\\"answer', 3, "length")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_gpu": "all"}, 'option "num_gpu" must be of type integer'),
        ({"num_predict": True}, 'option "num_predict" must be of type integer'),
        ({"temperature": "hot"}, 'option "temperature" must be of type float32'),
        ({"use_mmap": 1}, 'option "use_mmap" must be of type boolean'),
        ({"stop": "x"}, 'option "stop" must be of type array of strings'),
        ({"stop": [1]}, 'option "stop" must be of type array of strings'),
        ({"seed": 1e300}, 'option "seed" must be of type integer'),
    ],
)
def test_option_of_a_wrong_type_is_a_500(options: dict[str, Any], words: str) -> None:
    """Not a 400: the model is on its way to be loaded when Ollama looks at the options."""
    with pytest.raises(ApiError) as raised:
        check_options(options)
    assert (raised.value.status, raised.value.words) == (500, words)


def test_unknown_options_are_ignored_and_numbers_made_whole() -> None:
    """An integer option may come as 3.0."""
    assert check_options({"nonsense": [], "num_predict": 3.0, "seed": None}) == {"num_predict": 3}


def test_only_runner_options_make_the_model_load_again() -> None:
    """Sampling options do not; defaults and "as you like" for the GPU layers are not a difference."""
    loaded = runner_options({"num_ctx": 4096, "num_gpu": 10})
    assert same_runner(runner_options({"temperature": 0.1}), loaded)
    assert same_runner(runner_options({"num_gpu": 10}), loaded)
    assert not same_runner(runner_options({"num_gpu": 11}), loaded)
    assert not same_runner(runner_options({"num_ctx": 8192}), loaded)


def test_prompt_tokens_grow_with_the_prompt() -> None:
    """About four bytes a token; a template adds some; an empty prompt is one token."""
    assert count_tokens("x" * 400, template=False) == 100
    assert count_tokens("x" * 400, template=True) > 100
    assert count_tokens("", template=False) == 1
