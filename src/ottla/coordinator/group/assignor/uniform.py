"""The `uniform` assignor: everybody gets as many partitions as everybody else, and keeps what it had (KIP-848).

Where all subscribe to the same topics, quotas decide: a member gives up what is above its quota, and what is free goes
to those below theirs. Otherwise see `uniform_heterogeneous`.
Source: UniformAssignor, UniformHomogeneousAssignmentBuilder.
"""

from ottla.coordinator.group.assignor.spec import NOTHING, Assignments, GroupSpec, MemberSpec
from ottla.coordinator.group.assignor.uniform_heterogeneous import assign_heterogeneous


def assign_uniform(spec: GroupSpec) -> Assignments:
    if not spec.members:
        return {}
    return _assign_homogeneous(spec) if spec.homogeneous else assign_heterogeneous(spec)


def _assign_homogeneous(spec: GroupSpec) -> Assignments:
    topic_ids = next(iter(spec.members.values())).topic_ids
    if not topic_ids:
        return {}
    total = 0
    free: list[tuple[bytes, int]] = []
    for topic_id in topic_ids:
        count = spec.partition_count(topic_id)
        total += count
        free += [(topic_id, index) for index in range(count) if not spec.is_assigned(topic_id, index)]
    quota, extra = divmod(total, len(spec.members))
    wanted = frozenset(topic_ids)
    kept: dict[str, dict[bytes, set[int]]] = {}
    missing: dict[str, int] = {}
    for position, (member_id, member) in enumerate(spec.members.items()):
        takes_extra = extra > 0
        kept[member_id], room = _keep(member, wanted, quota + takes_extra, free)
        if room and takes_extra and len(spec.members) - position > extra:
            # Somebody after this one may already own one more than the quota; leave the extra to them.
            room -= 1
            takes_extra = False
        if room:
            missing[member_id] = room
        extra -= takes_extra
    following = iter(free)
    for member_id, room in missing.items():
        for _, (topic_id, index) in zip(range(room), following, strict=False):
            kept[member_id].setdefault(topic_id, set()).add(index)
    return {
        member_id: {topic_id: frozenset(indexes) for topic_id, indexes in topics.items()} or NOTHING
        for member_id, topics in kept.items()
    }


def _keep(
    member: MemberSpec, wanted: frozenset[bytes], room: int, free: list[tuple[bytes, int]]
) -> tuple[dict[bytes, set[int]], int]:
    """What the member keeps of its assignment, and how much more it may get; the rest becomes free."""
    kept: dict[bytes, set[int]] = {}
    for topic_id, indexes in member.assignment.items():
        if topic_id not in wanted:
            continue
        ordered = sorted(indexes)
        if room:
            kept[topic_id] = set(ordered[:room])
        free += [(topic_id, index) for index in ordered[room:]]
        room = max(room - len(ordered), 0)
    return kept, room
