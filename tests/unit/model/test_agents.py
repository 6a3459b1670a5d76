"""The table of agents."""

from loopscope.core.records import AgentSpec, AgentState, Request
from loopscope.model.agents import AgentTable, decoded_tokens

MS = 1_000_000
S = 1_000_000_000


def request(**more: object) -> Request:
    given = {
        "agent": 0,
        "request": 1,
        "outcome": "ok",
        "start_ns": S,
        "first_ns": S + 200 * MS,
        "last_ns": 3 * S,
        "end_ns": 3 * S,
        "chunks": 181,
        "tokens": 181,
    }
    return Request(t_ns=3 * S, **(given | more))


def state(agent: int = 0, word: str = "streaming", proc: str = "rig-1", **more: object) -> AgentState:
    return AgentState(t_ns=S, proc=proc, agent=agent, state=word, **more)


def test_ttft_and_itl_of_a_request() -> None:
    """TTFT is start to first chunk; ITL is (last - first) / (tokens - 1)."""
    table = AgentTable()
    ended = table.request(request(), 0)
    assert ended.ttft_ns == 200 * MS
    assert ended.itl_ns == 10 * MS
    agent = table.all[0]
    assert (agent.ttft_ms.p50, agent.itl_ms.p50) == (200.0, 10.0)
    assert (agent.recent[0].duration_s, agent.recent[0].tokens) == (2.0, 181)


def test_outcomes_are_counted_apart() -> None:
    """Taken is no error and no request of its own; everything that is neither ok nor taken is an error."""
    table = AgentTable()
    for outcome in ("ok", "cut", "http", "taken", "ok", "something new"):
        table.request(request(outcome=outcome), 0)
    agent = table.all[0]
    assert (agent.requests, agent.errors, agent.taken) == (5, 3, 1)
    assert [view.outcome for view in agent.recent] == ["something new", "ok", "taken", "http", "cut", "ok"]


def test_tokens_per_chunk_come_from_requests_that_ended_well() -> None:
    """Two tokens a chunk on average; a request that broke off tells nothing."""
    table = AgentTable()
    assert table.request(request(chunks=100, tokens=200), 0) is not None
    table.request(request(outcome="cut", chunks=100, tokens=900), 0)
    assert table.all[0].tokens_per_chunk == 2.0
    assert table.all[0].tokens == 1_100


def test_the_silent_end_token_is_no_token_per_chunk() -> None:
    """21 tokens in 20 chunks is one token a chunk: the end-of-sequence token has no chunk and no gap."""
    assert decoded_tokens(21, 20) == 20
    assert decoded_tokens(20, 20) == 20
    assert decoded_tokens(40, 20) == 40
    assert decoded_tokens(None, 20) is None
    assert decoded_tokens(5, 0) is None


def test_what_is_not_known_stays_unknown() -> None:
    """No first chunk, no TTFT; no token count, no ITL; one token has no gap."""
    table = AgentTable()
    ended = table.request(request(outcome="refused", first_ns=None, last_ns=None, tokens=None, chunks=0), 0)
    assert ended.ttft_ns is None
    assert ended.itl_ns is None
    assert table.request(request(tokens=1), 0).itl_ns is None


def test_numbers_that_cannot_be_are_not_taken() -> None:
    """A request that ends before it starts is refused; a first chunk before its start gives no TTFT."""
    table = AgentTable()
    assert table.request(request(end_ns=0), 0) is None
    assert table.request(request(end_ns=10**40, start_ns=10**40), 0) is None
    assert table.request(request(first_ns=0), 0).ttft_ns is None
    assert table.request(request(tokens=-5), 0).tokens == 0
    assert table.request(request(agent=-1), 0) is None


def test_names_are_made_safe() -> None:
    """What a file says of a name cannot reach the terminal as a control sequence."""
    table = AgentTable()
    table.plan(AgentSpec(agent=0, name="\x1b[31mred\n", server=1, model="m\x07"))
    table.state(state(words="\x1b]0;title\x07"), 0, "rig-1")
    agent = table.all[0]
    assert agent.name == "·[31mred·"
    assert agent.model == "m·"
    assert "\x1b" not in agent.words


def test_an_agent_without_a_name_gets_one() -> None:
    """The number stands for it."""
    table = AgentTable()
    table.find(7)
    assert table.all[0].name == "agent-7"


def test_the_old_rig_cannot_overwrite_the_new_ones_word() -> None:
    """A ``gone`` of the rig that drains, late on its way, does not end an agent that already streams elsewhere."""
    table = AgentTable()
    table.state(state(word="streaming", proc="rig-1"), 0, "rig-1")
    table.state(state(word="starting", proc="rig-2"), S, "rig-2")
    table.state(state(word="gone", proc="rig-1"), S, "rig-2")
    assert table.all[0].state == "starting"
    assert table.all[0].gone_at is None


def test_the_old_rig_speaks_for_agents_that_it_still_has() -> None:
    """While it drains its word counts; once handed over, the new rig's does."""
    table = AgentTable()
    table.state(state(word="streaming", proc="rig-1"), 0, "rig-1")
    table.state(state(word="draining", proc="rig-1"), S, "rig-2")
    assert table.all[0].state == "draining"
    table.state(state(word="gone", proc="rig-1"), 2 * S, "rig-2")
    assert table.all[0].gone_at == 2 * S


def test_only_the_last_requests_are_kept() -> None:
    """Twenty on view, fifty behind the quantiles, however long the session."""
    table = AgentTable()
    for number in range(100):
        table.request(request(request=number), 0)
    agent = table.all[0]
    assert [view.request for view in agent.recent] == list(range(99, 79, -1))
    assert agent.ttft_ms.n == 50
    assert agent.requests == 100
