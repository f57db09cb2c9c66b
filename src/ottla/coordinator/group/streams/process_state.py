"""What an instance of the application (a process, with its members) has been given so far by the assignor."""

from ottla.coordinator.group.streams.iteration_order import PriorityQueue, hash_order

TaskId = tuple[str, int]
"""(subtopology id, partition)."""


class _Load:
    __slots__ = ("count", "member_id")

    def __init__(self, member_id: str, count: int) -> None:
        self.member_id = member_id
        self.count = count


class ProcessState:
    """`load`: tasks by member. Members are asked in the order of their load."""

    def __init__(self, process_id: str) -> None:
        self.process_id = process_id
        self.task_counts: dict[str, int] = {}
        self.active: dict[str, set[TaskId]] = {}
        self.standby: dict[str, set[TaskId]] = {}
        self.load = 0.0
        self._tasks: set[TaskId] = set()
        self._task_count = 0
        self._by_load: PriorityQueue[_Load] | None = None

    def add_member(self, member_id: str) -> None:
        self.task_counts[member_id] = 0
        self._compute_load()

    def has_task(self, task: TaskId) -> bool:
        return task in self._tasks

    def add_task(self, member_id: str, task: TaskId, *, active: bool) -> int:
        """How many tasks the member has then."""
        self._by_load = None
        return self._add(member_id, task, active=active)

    def add_to_least_loaded(self, task: TaskId, *, active: bool) -> int:
        """How many tasks the member has then that got it."""
        if len(self.task_counts) == 1:
            return self._add(next(iter(self.task_counts)), task, active=active)
        queue = self._by_load
        if queue is None:
            queue = self._by_load = PriorityQueue(lambda load: load.count)
            for member_id in hash_order(self.task_counts):
                queue.add(_Load(member_id, self.task_counts[member_id]))
        least = queue.poll()
        assert least is not None  # a process is there because of its members
        least.count = self._add(least.member_id, task, active=active)
        queue.add(least)
        return least.count

    def _add(self, member_id: str, task: TaskId, *, active: bool) -> int:
        self._task_count += 1
        self._tasks.add(task)
        (self.active if active else self.standby).setdefault(member_id, set()).add(task)
        self.task_counts[member_id] += 1
        self._compute_load()
        return self.task_counts[member_id]

    def _compute_load(self) -> None:
        self.load = self._task_count / len(self.task_counts)
