"""Who gets what: contiguous runs, the first members one more, every partition exactly once."""

from hypothesis import given
from hypothesis import strategies as st

from ottla.clients.group import assign_range


def test_as_the_documentation_of_kafka_has_it() -> None:
    assigned = assign_range({"C0": ["t0", "t1"], "C1": ["t0", "t1"]}, {"t0": 3, "t1": 3})
    assert assigned == {"C0": {"t0": [0, 1], "t1": [0, 1]}, "C1": {"t0": [2], "t1": [2]}}


def test_only_subscribers_get_a_topic() -> None:
    assigned = assign_range({"a": ["x"], "b": ["y"], "c": []}, {"x": 2, "y": 1, "z": 5})
    assert assigned == {"a": {"x": [0, 1]}, "b": {"y": [0]}, "c": {}}


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=3), st.lists(st.sampled_from("xyz"), unique=True), min_size=1),
    st.dictionaries(st.sampled_from("xyz"), st.integers(1, 9)),
)
def test_every_partition_has_one_owner_who_wants_it(
    subscriptions: dict[str, list[str]], counts: dict[str, int]
) -> None:
    assigned = assign_range(subscriptions, counts)
    for topic, count in counts.items():
        owned = sorted(index for topics in assigned.values() for index in topics.get(topic, []))
        wanted = any(topic in topics for topics in subscriptions.values())
        assert owned == (list(range(count)) if wanted else [])
    for member, topics in assigned.items():
        assert set(topics) <= set(subscriptions[member])
