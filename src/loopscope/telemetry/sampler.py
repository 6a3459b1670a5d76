"""From readings to records: which source of power counts, and what a tick says."""

from loopscope.core.clock import now_ns
from loopscope.core.records import HostLoad, Power, Record
from loopscope.telemetry.gpu_watch import GpuWatch
from loopscope.telemetry.host import Host, HostReading
from loopscope.telemetry.rapl import Rapl


class Sampler:
    """Power comes from the GPUs where there are any, else from the CPU packages, else there is only utilisation."""

    def __init__(self, proc: str, gpus: GpuWatch, rapl: Rapl, host: Host) -> None:
        self._proc = proc
        self._gpus = gpus
        self._rapl = rapl
        self._host = host

    def signals(self, deadline_s: float) -> dict[str, str]:
        """Say for each source ``ok`` or why it cannot be had; waits ``deadline_s`` at most for the NVIDIA driver."""
        return {"nvml": self._gpus.wait_opened(deadline_s), "rapl": self._rapl.reason or "ok", "cpu": "ok"}

    def tick(self) -> list[Record]:
        """Take one reading of everything."""
        t_ns = now_ns()
        host = self._host.read()
        load = HostLoad(
            t_ns=t_ns,
            proc=self._proc,
            cpu=[round(share, 3) for share in host.cpu],
            procs=host.procs,
            memory_used=host.memory_used,
            memory_total=host.memory_total,
        )
        return [*self._power(t_ns, host), load]

    def _power(self, t_ns: int, host: HostReading) -> list[Record]:
        readings = self._gpus.latest()
        if readings:
            return [
                Power(
                    t_ns=t_ns,
                    proc=self._proc,
                    source="nvml",
                    name=gpu.name,
                    watts=gpu.watts,
                    share=gpu.share,
                    memory_used=gpu.memory_used,
                    memory_total=gpu.memory_total,
                    words=gpu.words,
                )
                for gpu in readings
            ]
        share = round(host.busy, 4)
        if not self._rapl.reason:
            watts = self._rapl.watts(t_ns)
            if watts is not None:
                watts = round(watts, 3)
                return [Power(t_ns=t_ns, proc=self._proc, source="rapl", name="CPU packages", watts=watts, share=share)]
            if not self._rapl.reason:
                return []  # the first reading of a counter is no power yet
        words = "no power meter here: utilisation only"
        return [Power(t_ns=t_ns, proc=self._proc, source="cpu", name="host CPU", share=share, words=words)]
