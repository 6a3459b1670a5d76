"""Agents are handed from one rig to the next, one by one."""

import threading
from collections.abc import Iterator

import pytest
from msgspec import structs

from loopscope.core.codec import decode
from loopscope.core.commands import Command, Plan, SetLever, StartAgents, StopAgents
from loopscope.core.records import AgentSpec, Hello, Server
from loopscope.session import rigs as module
from loopscope.session.rigs import Rigs

_SERVERS = [Server(url="http://a")]


class FakeWorker:
    """Stands in for a process: remembers what it was told."""

    made: list["FakeWorker"]

    def __init__(self, module: str, proc: str, args: list[str], *, on_line: object, on_end: object, hold: bool) -> None:
        self.proc, self.args, self.on_end = proc, args, on_end
        assert hold, "a pulse that overtakes its hello is folded as another rig's"
        self.admitted: list[bytes] = []
        self.told: list[Command] = []
        self.hello: Hello | None = Hello(
            t_ns=0,
            proc=proc,
            role="rig",
            pid=1,
            perf_ns=0,
            wall_ns=0,
            info={"loop": args[args.index("--loop") + 1], "floor": args[args.index("--floor") + 1].partition(":")[0]},
        )
        self.hello_line = b""
        self.stopping = False
        self.running = False
        self.sent = threading.Condition()
        FakeWorker.made.append(self)

    def start(self) -> None:
        self.running = True

    def alive(self) -> bool:
        return self.running

    def send(self, command: Command) -> None:
        with self.sent:
            self.told.append(command)
            self.sent.notify_all()

    def stop(self) -> None:
        self.stopping = True
        self.running = False

    def admit(self) -> None:
        self.admitted.append(self.hello_line)

    def last_words(self) -> str:
        return ": oops"

    def wait_told(self, kind: type[Command]) -> None:
        with self.sent:
            assert self.sent.wait_for(lambda: any(isinstance(c, kind) for c in self.told), 10)


@pytest.fixture
def deaths() -> list[str]:
    return []


@pytest.fixture
def rigs(monkeypatch: pytest.MonkeyPatch, deaths: list[str]) -> Iterator[Rigs]:
    FakeWorker.made = []
    monkeypatch.setattr(module, "Worker", FakeWorker)
    rigs = Rigs(on_line=lambda line: None, on_death=lambda proc, words: deaths.append(words), drain_s=5)
    first = rigs.begin("asyncio", "httpx")
    rigs.serve(first, _SERVERS, {"loop": "asyncio"})
    rigs.start_agents([_spec(0), _spec(1)])
    yield rigs
    rigs.stop()


def _spec(number: int) -> AgentSpec:
    return AgentSpec(agent=number, name=f"a{number}", server=0)


def _only(workers: list[FakeWorker]) -> FakeWorker:
    (worker,) = workers
    return worker


def _started(worker: FakeWorker) -> list[int]:
    return [spec.agent for command in worker.told if isinstance(command, StartAgents) for spec in command.agents]


def test_a_takeover_starts_each_agent_when_it_is_gone_from_the_old_rig(rigs: Rigs) -> None:
    """The new rig gets servers and levers at once, each agent only after the old rig has let it go."""
    second = _only(rigs.begin("uvloop", "httpx"))
    assert second.args == [
        "--loop",
        "uvloop",
        "--client",
        "httpx",
        "--group",
        "2",
        "--replaces",
        "rig-1",
        "--floor",
        "",
    ]
    old = FakeWorker.made[0]
    thread = threading.Thread(target=rigs.take_over, args=([second], {}))
    thread.start()
    old.wait_told(StopAgents)
    assert isinstance(second.told[0], Plan)
    assert _started(second) == []
    rigs.agent_gone("rig-1", 1)
    assert _started(second) == [1]
    assert old.running
    rigs.agent_gone("rig-1", 0)
    thread.join(10)
    assert _started(second) == [1, 0]
    assert not old.running


def test_a_rig_that_dies_while_it_drains_does_not_lose_its_agents(rigs: Rigs, deaths: list[str]) -> None:
    """Agents that the old rig never let go are started on the new one all the same."""
    second = _only(rigs.begin("uvloop", "httpx"))
    old = FakeWorker.made[0]
    thread = threading.Thread(target=rigs.take_over, args=([second], {}))
    thread.start()
    old.wait_told(StopAgents)
    old.running = False
    old.on_end(-9)
    thread.join(10)
    assert sorted(_started(second)) == [0, 1]
    assert deaths == ["rig-1 ended by itself (signal 9): oops"]


def test_a_takeover_from_a_dead_rig_starts_everything_at_once(rigs: Rigs) -> None:
    """When there is nobody to drain, the new rig begins with every agent."""
    FakeWorker.made[0].running = False
    second = _only(rigs.begin("asyncio", "httpx"))
    rigs.take_over([second], {})
    assert _started(second) == [0, 1]


def test_an_agent_that_comes_back_waits_for_its_own_drain(rigs: Rigs) -> None:
    """Fewer agents, then more again: the agent is started anew only when its old stream has ended."""
    worker = FakeWorker.made[0]
    rigs.stop_agents([1])
    rigs.start_agents([_spec(1)])
    assert _started(worker) == [0, 1]
    rigs.agent_gone("rig-1", 1)
    assert _started(worker) == [0, 1, 1]


def test_an_agent_that_was_stopped_stays_gone(rigs: Rigs) -> None:
    """The end of a stopped agent starts nothing."""
    worker = FakeWorker.made[0]
    rigs.stop_agents([1])
    rigs.agent_gone("rig-1", 1)
    rigs.agent_gone("rig-1", 0)
    assert _started(worker) == [0, 1]


def test_levers_reach_rigs_that_drain_and_rigs_to_come(rigs: Rigs) -> None:
    """A lever pulled while a takeover runs acts on both rigs, and a later rig begins with it."""
    second = _only(rigs.begin("uvloop", "httpx"))
    old = FakeWorker.made[0]
    thread = threading.Thread(target=rigs.take_over, args=([second], {}))
    thread.start()
    old.wait_told(StopAgents)
    rigs.set_lever("batch", "read:50ms")
    assert SetLever(name="batch", value="read:50ms") in old.told
    assert SetLever(name="batch", value="read:50ms") in second.told
    for agent in (0, 1):
        rigs.agent_gone("rig-1", agent)
    thread.join(10)
    third = _only(rigs.begin("asyncio", "httpx"))
    thread = threading.Thread(target=rigs.take_over, args=([third], {}))
    thread.start()
    third.wait_told(Plan)
    assert third.told[0].levers["batch"] == "read:50ms"
    for agent in (0, 1):
        rigs.agent_gone("rig-2", agent)
    thread.join(10)


def test_a_rig_that_was_asked_to_end_is_no_death(rigs: Rigs, deaths: list[str]) -> None:
    """Only an end that nobody asked for is told."""
    rigs.stop()
    FakeWorker.made[0].on_end(0)
    assert deaths == []


def test_agents_are_spread_over_rigs_side_by_side_and_come_back_to_one(rigs: Rigs) -> None:
    """Four agents: two on each of two new rigs, each started when it is gone from the old one; then all on one."""
    rigs.start_agents([_spec(2), _spec(3)])
    pair = rigs.begin("asyncio", "httpx", 2)
    assert [worker.args[-1] for worker in pair] == ["", "rig-2"]
    thread = threading.Thread(target=rigs.take_over, args=(pair, {}))
    thread.start()
    FakeWorker.made[0].wait_told(StopAgents)
    for agent in range(4):
        rigs.agent_gone("rig-1", agent)
    thread.join(10)
    assert [sorted(_started(worker)) for worker in pair] == [[0, 2], [1, 3]]
    one = _only(rigs.begin("asyncio", "httpx"))
    assert "rig-2,rig-3" in one.args
    thread = threading.Thread(target=rigs.take_over, args=([one], {}))
    thread.start()
    for worker, agents in zip(pair, ([0, 2], [1, 3]), strict=True):
        worker.wait_told(StopAgents)
        for agent in agents:
            rigs.agent_gone(worker.proc, agent)
    thread.join(10)
    assert sorted(_started(one)) == [0, 1, 2, 3]
    assert not any(worker.running for worker in pair)


def test_one_of_several_rigs_that_dies_loses_its_own_agents_and_says_so(rigs: Rigs, deaths: list[str]) -> None:
    """The sentence names the agents that are gone with it; the next takeover starts them at once."""
    pair = rigs.begin("asyncio", "httpx", 2)
    thread = threading.Thread(target=rigs.take_over, args=(pair, {}))
    thread.start()
    FakeWorker.made[0].wait_told(StopAgents)
    for agent in (0, 1):
        rigs.agent_gone("rig-1", agent)
    thread.join(10)
    pair[1].running = False
    pair[1].on_end(-9)
    assert deaths == ["rig-3 ended by itself (signal 9): oops; with it agents 1, 1 other loops go on"]
    assert not rigs.alive()
    one = _only(rigs.begin("asyncio", "httpx"))
    thread = threading.Thread(target=rigs.take_over, args=([one], {}))
    thread.start()
    pair[0].wait_told(StopAgents)
    assert _started(one) == [1]
    rigs.agent_gone("rig-2", 0)
    thread.join(10)
    assert sorted(_started(one)) == [0, 1]


def test_rigs_that_no_agent_needs_any_more_end(rigs: Rigs) -> None:
    """A process an agent: what joins takes the new agent, and ends with it; one rig always stays."""
    more = _only(rigs.more(1))
    rigs.join([more])
    rigs.start_agents([_spec(2)])
    assert _started(more) == [2]
    rigs.stop_agents([2])
    rigs.agent_gone(more.proc, 2)
    rigs.retire()
    assert not more.running
    assert [worker.proc for worker in rigs.current] == ["rig-1"]


def test_one_rig_of_a_loop_measures_the_idle_floor_for_all(rigs: Rigs) -> None:
    """Of two that start together the second waits for nobody and has the first one's floor; so have later ones."""
    first, _ = pair = rigs.begin("uvloop", "httpx", 2)
    assert first.hello is not None
    first.hello = structs.replace(first.hello, lag_floor_ns=70_000, elu_floor=0.004)
    rigs.admit(pair)
    told = [decode(line) for worker in pair for line in worker.admitted if line]
    assert [(one.proc, one.lag_floor_ns, one.elu_floor, one.info["floor"]) for one in told] == [
        ("rig-3", 70_000, 0.004, "rig-2")
    ]
    assert [worker.args[-1] for worker in rigs.begin("uvloop", "streams", 2)] == ["rig-2:70000:0.004000"] * 2
    assert _only(rigs.begin("asyncio", "httpx")).args[-1] == ""


def test_an_agent_that_has_done_its_requests_is_not_started_by_a_takeover(rigs: Rigs) -> None:
    """What a procedure started and what ended by itself is over; the others move on."""
    rigs.start_agents([AgentSpec(agent=7, name="p", server=0, requests=2)])
    rigs.agent_gone("rig-1", 7)
    FakeWorker.made[0].running = False
    second = _only(rigs.begin("asyncio", "httpx"))
    rigs.take_over([second], {})
    assert _started(second) == [0, 1]


def test_an_agent_comes_back_when_the_round_that_had_its_number_is_cancelled(rigs: Rigs) -> None:
    """The round's agent is still at work then: it ends first, and the operator's, which has no end, follows it."""
    rigs.stop_agents([0, 1])
    (rig,) = FakeWorker.made
    for number in (0, 1):
        rigs.agent_gone(rig.proc, number)
    rigs.start_agents([structs.replace(_spec(0), requests=5)])
    rig.told.clear()
    rigs.start_agents([_spec(0), _spec(1)])
    assert [
        (type(c), [spec.agent for spec in c.agents] if isinstance(c, StartAgents) else c.agents) for c in rig.told
    ] == [
        (StopAgents, [0]),
        (StartAgents, [1]),
    ]
    rigs.agent_gone(rig.proc, 0)
    last = rig.told[-1]
    assert isinstance(last, StartAgents) and last.agents == [_spec(0)]
