"""Whatever the reader lets through, the fold takes: a hostile trace can be shown, or is refused, but never breaks."""

import base64
import json
import tempfile
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from loopscope.core.codec import as_dict, encode
from loopscope.core.records import AnyRecord, Header, Trailer
from loopscope.model.fold import Fold
from loopscope.model.summary import summary
from loopscope.trace.reader import read
from loopscope.trace.vet import SPAN_NS

T0 = 10**13
_times = st.sampled_from([T0, T0 + 1, T0 + 10**9, T0 + 40 * 10**9, T0 - 10**9, T0 + SPAN_NS, 0, -1])
_numbers = st.sampled_from([0, 1, 2, 5, 300, 4095, 4096, 10**6, 10**9, 2**53, 2**62, -1, -(10**9)])
_floats = st.sampled_from([0.0, 0.5, -1.0, 1e9, 1e15, 1e308])
_texts = st.sampled_from(["", "rig-1", "rig-2", "uvloop", "loop", "off", "ok", "taken", "\x1b[2J", "nvml", "ready"])


def _value(kind: object, name: str) -> st.SearchStrategy[object]:
    """A value of the right type, mostly an unlikely one."""
    if isinstance(kind, msgspec.inspect.IntType):
        return _times if name in ("t_ns", "base_ns", "start_ns", "end_ns", "first_ns", "last_ns") else _numbers
    if isinstance(kind, msgspec.inspect.FloatType):
        return _floats
    if isinstance(kind, msgspec.inspect.StrType):
        return _texts
    if isinstance(kind, msgspec.inspect.BytesType):
        return st.binary(max_size=8).map(lambda data: base64.b64encode(data).decode())
    if isinstance(kind, msgspec.inspect.BoolType):
        return st.booleans()
    if isinstance(kind, msgspec.inspect.NoneType):
        return st.none()
    if isinstance(kind, msgspec.inspect.UnionType):
        return st.one_of([_value(each, name) for each in kind.types])
    if isinstance(kind, msgspec.inspect.ListType):
        size = 3 if name in ("agent", "recv", "delay", "handled") else None
        return st.lists(_value(kind.item_type, name + "[]"), min_size=size or 0, max_size=size or 4)
    if isinstance(kind, msgspec.inspect.DictType):
        return st.dictionaries(_texts, _value(kind.value_type, name), max_size=3)
    assert isinstance(kind, msgspec.inspect.StructType), kind
    return _struct(kind)


def _struct(kind: msgspec.inspect.StructType) -> st.SearchStrategy[dict[str, object]]:
    members = {field.encode_name: _value(field.type, field.name) for field in kind.fields}
    if kind.tag_field:
        members[kind.tag_field] = st.just(kind.tag)
    return st.fixed_dictionaries(members)


_union = msgspec.inspect.type_info(AnyRecord)
assert isinstance(_union, msgspec.inspect.UnionType)
LINES = st.one_of(
    [
        _struct(kind)
        for kind in _union.types
        # Behind a second header or a trailer nothing counts.
        if isinstance(kind, msgspec.inspect.StructType) and kind.cls not in (Header, Trailer)
    ]
)


@settings(max_examples=200)
@given(st.lists(LINES, max_size=15), st.sampled_from([0, 10**9, 100 * 10**9, SPAN_NS]))
def test_what_passes_the_reader_folds(lines: list[dict[str, object]], later_ns: int) -> None:
    """Records with any values of the right types: snapshot and summary come out, the latter as real JSON."""
    content = encode(Header(t_ns=T0, proc="session")) + b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "it.jsonl")
        path.write_bytes(content)
        fold = Fold()
        with read(path) as reading:
            for record in reading:
                fold.feed(record)
                fold.snapshot(record.t_ns)
        fold.snapshot(T0 + later_ns)
        text = json.dumps(as_dict(summary(fold)), allow_nan=False)
    assert "\\u001b" not in text
