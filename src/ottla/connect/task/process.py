"""The process of a task: `python -m ottla.connect.task.process DESCRIPTOR`, which its worker starts."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

from ottla.connect.runtime.plugins import Plugins, load_task_class
from ottla.connect.runtime.task_spec import TaskSpec
from ottla.connect.runtime.trace import trace_of
from ottla.connect.task.channel import Channel
from ottla.connect.task.control import Control
from ottla.runtime.collector import spare_the_collector
from ottla.runtime.tracing.tracing import start as start_traces
from ottla.runtime.tracing.tracing import stop as stop_traces

if TYPE_CHECKING:
    from ottla.runtime.child_message import Message


def main(descriptor: int) -> int:
    # A Ctrl-C reaches the whole group of processes; when a task ends is its worker's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = Channel(descriptor)
    message = channel.receive_first()
    control = Control(channel)
    try:
        spec = _spec(message)
        logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=spec.log_level)
        control.begin(spec.target_state)
        channel.listen(control.heard)
        _run(spec, channel, control)
    except BaseException as error:
        channel.send("failed", trace=trace_of(error))
        return 1
    channel.send("stopped")
    return 0


def _spec(message: Message) -> TaskSpec:
    return TaskSpec(**{key: value for key, value in message.items() if key != "type"})


GARBAGE_OBJECTS: Final = 100_000
"""So many new objects bring the collector: records on their way are many, and no circles."""


def _run(spec: TaskSpec, channel: Channel, control: Control) -> None:
    start_traces("ottla-connect", f"{spec.connector}-{spec.task}")
    plugins = Plugins()
    task = load_task_class(spec.task_config["task.class"])()
    if spec.is_source:
        from ottla.connect.task.source_loop import SourceLoop

        loop = SourceLoop(spec, task, plugins, channel, control)
        spare_the_collector(GARBAGE_OBJECTS, 20, 20)
        loop.run()
    else:
        from ottla.connect.task.sink_loop import SinkLoop

        sink = SinkLoop(spec, task, plugins, channel, control)
        spare_the_collector(GARBAGE_OBJECTS, 20, 20)
        sink.run()


if __name__ == "__main__":
    code = main(int(sys.argv[1]))
    stop_traces()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a thread of a plugin that goes on must not keep the task alive
