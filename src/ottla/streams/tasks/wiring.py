"""How the nodes of a sub-topology become operators that push records to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.operator import Operator
from ottla.streams.operators.fused import MAX_STEPS, NODES, Link, fuse
from ottla.streams.processor import Processor
from ottla.streams.tasks.context import NodeContext, drop_record
from ottla.streams.tasks.processor_operator import ProcessorOperator
from ottla.streams.tasks.sink import sink_push
from ottla.streams.topology.built import ProcessorNode, SinkNode, SourceNode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.streams.operator import Push
    from ottla.streams.record import CurrentRecord, Headers
    from ottla.streams.tasks.failures import Failures
    from ottla.streams.tasks.record_collector import RecordCollector
    from ottla.streams.tasks.task_metrics import TaskMetrics
    from ottla.streams.tasks.task_state import TaskState
    from ottla.streams.topology.built import Node


class Wiring:
    """Operators made and pushes known; `bind` makes them ready, when the stores are open."""

    def __init__(
        self,
        nodes: Mapping[str, Node],
        state: TaskState,
        collector: RecordCollector,
        failures: Failures | None,
        metrics: TaskMetrics | None = None,
    ) -> None:
        """Without `failures` whatever an operator raises goes to the caller. Sinks need both."""
        self.operators: dict[str, Operator] = {}
        self.contexts: dict[str, NodeContext] = {}
        self.pushes: dict[str, Push] = {}
        self._nodes = nodes
        self._chains: dict[str, tuple[tuple[Link, ...], Push]] = {}
        self._entries: dict[str, Push] = {}
        guarded = failures is not None and failures.guards_nodes
        for name in reversed(list(nodes)):
            node = nodes[name]
            if isinstance(node, SinkNode):
                assert failures is not None
                assert metrics is not None
                self.pushes[name] = sink_push(node, state, collector, failures, metrics)
                continue
            operator = None if isinstance(node, SourceNode) else _operator(node)
            step = None if operator is None else operator.step
            if not node.children:
                step = None  # the end of a stream has metrics of its own
            elif guarded and step is not None and not (step.is_pure and self._has_no_sinks(node)):
                step = None  # a handler is to be asked what the application's own functions fail with, and sinks
            if metrics is not None and isinstance(node, ProcessorNode) and not node.children:
                step = None  # here records end, and their age is looked at
            is_inner = step is not None and len(node.children) == 1 and node.children[0] in self._chains
            push_to = self.pushes.__getitem__ if is_inner else self._entry
            children = {child: push_to(child) for child in node.children}
            context = NodeContext(name, state, node.stores if isinstance(node, ProcessorNode) else (), children)
            context.forward = fan_out(tuple(children.values()))
            self.contexts[name] = context
            if operator is None:
                self.pushes[name] = context.forward
                continue
            assert isinstance(node, ProcessorNode)
            self.operators[name] = operator
            if not operator.forwards_unchanged and (guarded or self._stores_below(node)):
                context.forward = note_changes(context.forward, state.record)
                context.children = {child: note_changes(push, state.record) for child, push in children.items()}
            push = operator.process
            if metrics is not None:
                if operator.emits_as:
                    context.forward, push = metrics.counted_emissions(name, operator, context.forward)
                push = metrics.measured_end(name, push)
            self.pushes[name] = failures.guard(name, push) if guarded and failures is not None else push
            if step is not None:
                self._chains[name] = self._chain(Link(name, step, self.pushes[name]), node, context.forward)

    def _chain(self, link: Link, node: ProcessorNode, forward: Push) -> tuple[tuple[Link, ...], Push]:
        """The chain that begins with a node: itself, those of its only child, and what comes after them."""
        if len(node.children) == 1 and node.children[0] in self._chains:
            links, end = self._chains[node.children[0]]
            if len(links) < MAX_STEPS:
                return (link, *links), end
        return (link,), forward

    def _entry(self, name: str) -> Push:
        """What a record of another node is pushed to: the chain that begins with this one, or its operator."""
        entry = self._entries.get(name)
        if entry is None:
            entry = self.pushes[name]
            if name in self._chains:
                entry = fuse(*self._chains[name]) or entry
            self._entries[name] = entry
        return entry

    def bind(self) -> None:
        for name in self._nodes:
            if name in self.operators:
                self.operators[name].bind(self.contexts[name])

    def close(self) -> None:
        """Close every operator, whatever one of them raises; the last failure is raised in the end."""
        failure: Exception | None = None
        for name in self._nodes:
            if name in self.operators:
                try:
                    self.operators[name].close()
                except Exception as error:
                    failure = error
        if failure is not None:
            raise failure

    def failed_node(self, failure: BaseException) -> str | None:
        """The innermost node that was at work when `failure` was raised, read from its traceback."""
        names = {id(operator): name for name, operator in self.operators.items()}
        found = None
        trace = failure.__traceback__
        while trace is not None:
            frame = trace.tb_frame
            lines = frame.f_globals.get(NODES)  # those of a fused chain
            node = names.get(id(frame.f_locals.get("self"))) if lines is None else lines.get(trace.tb_lineno)
            found = node or found
            trace = trace.tb_next
        return found

    def _has_no_sinks(self, node: SourceNode | ProcessorNode) -> bool:
        return not any(isinstance(self._nodes[child], SinkNode) for child in node.children)

    def _stores_below(self, node: ProcessorNode) -> bool:
        waiting = list(node.children)
        while waiting:
            child = self._nodes[waiting.pop()]
            if isinstance(child, ProcessorNode):
                if child.stores:
                    return True
                waiting += child.children
        return False


def _operator(node: ProcessorNode) -> Operator:
    made = node.supplier()
    if isinstance(made, Operator):
        return made
    if isinstance(made, Processor):
        return ProcessorOperator(made, fixed_key=node.fixed_key)
    raise TypeError(f"the supplier of processor {node.name} made {made!r}, which is no Processor")


def fan_out(pushes: Sequence[Push]) -> Push:
    if not pushes:
        return drop_record
    if len(pushes) == 1:
        return pushes[0]
    if len(pushes) == 2:
        first, second = pushes

        def forward_to_both(key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
            first(key, value, timestamp_ms, headers)
            second(key, value, timestamp_ms, headers)

        return forward_to_both

    def forward_to_all(key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        for push in pushes:
            push(key, value, timestamp_ms, headers)

    return forward_to_all


def note_changes(push: Push, record: CurrentRecord) -> Push:
    """`push`, during which the task's current record has the time and headers that the record is forwarded with."""

    def forward(key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        if timestamp_ms == record.timestamp_ms and headers is record.headers:
            push(key, value, timestamp_ms, headers)
            return
        before_ms, before = record.timestamp_ms, record.headers
        record.timestamp_ms, record.headers = timestamp_ms, headers
        try:
            push(key, value, timestamp_ms, headers)
        finally:
            record.timestamp_ms, record.headers = before_ms, before

    return forward
