"""What a client's connections have counted together."""

from loopscope.probe.wires import Wire, Wires


def test_reads_of_closed_connections_stay_in_the_count() -> None:
    """The sum never falls: a connection that closes, closes twice or comes back (for TLS) is counted once."""
    wires, first, second = Wires(), Wire(), Wire()
    for wire in (first, second):
        wires.add(wire)
        wires.add(wire)
    first.reads, second.reads = 3, 4
    assert wires.reads == 7
    wires.remove(first)
    wires.remove(first)
    assert (wires.reads, wires.open) == (7, {second})
    wires.add(first)
    first.reads += 1
    assert wires.reads == 8
    wires.remove(Wire())
    assert wires.reads == 8
