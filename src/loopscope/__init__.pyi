from loopscope.api import Trace as Trace
from loopscope.api import compare as compare
from loopscope.api import summary as summary
from loopscope.core.errors import InputError as InputError
from loopscope.core.errors import LoopscopeError as LoopscopeError
from loopscope.core.errors import TraceError as TraceError
from loopscope.model.comparison import Comparison as Comparison
from loopscope.model.metrics import METRICS as METRICS
from loopscope.model.metrics import Metric as Metric
from loopscope.model.summary_types import Summary as Summary

__version__: str
__all__: list[str]
