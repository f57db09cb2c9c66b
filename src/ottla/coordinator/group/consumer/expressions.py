"""Subscriptions by regular expression: when they are resolved to topics, and what that does to the group.

An expression is resolved beside the heartbeat that brought it: the member's assignment follows with a later one. All of
a group's expressions are resolved together, anew when topics were made since, and every
`group.consumer.regex.refresh.interval.ms`, but never twice within `MIN_REFRESH_MS`. Source: GroupMetadataManager.
"""

from collections.abc import Callable, Iterable
from enum import Enum
from functools import partial
from typing import TypeAlias

from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup, ResolvedExpression
from ottla.coordinator.group.consumer.consumer_member import ConsumerGroupMember
from ottla.coordinator.group.consumer.records import (
    group_epoch_record,
    regular_expression_record,
    regular_expression_tombstone,
)
from ottla.coordinator.group.consumer.subscription import METADATA_REFRESH_INTERVAL_MS
from ottla.coordinator.group.groups import Groups, expressions_timer
from ottla.coordinator.result import CoordinatorRecord, CoordinatorResult, TimerResult, nothing
from ottla.protocol.errors import ErrorCode, KafkaError

MIN_REFRESH_MS = 10_000

VisibleTopics: TypeAlias = Callable[[list[str]], list[str]]
"""Of these topics, those that the member who asks may describe. An expression must not tell of others."""


def all_visible(names: list[str]) -> list[str]:
    """There is no authorizer."""
    return names


_NOTHING_RESOLVED = ResolvedExpression(frozenset(), 0, 0)


class ExpressionChange(Enum):
    NONE = "none"
    CHANGED = "changed"
    CHANGED_AND_RESOLVED = "changed and resolved"
    """What the new expression means is known already, so the group's epoch can go up at once."""


def update_expressions(
    groups: Groups,
    group: ConsumerGroup,
    member: ConsumerGroupMember,
    updated: ConsumerGroupMember,
    records: list[CoordinatorRecord],
    visible: VisibleTopics | None,
) -> ExpressionChange:
    """`INVALID_REGULAR_EXPRESSION` if the member's new one is none. Without `visible` nothing is resolved now."""
    change = ExpressionChange.NONE
    old, new = member.regex, updated.regex
    is_unknown = False
    if member.subscribed_topic_regex != updated.subscribed_topic_regex:
        change = ExpressionChange.CHANGED
        if old is not None and group.regex_counts.get(old) == 1:
            records.append(regular_expression_tombstone(group.group_id, old))
        if new is None:
            change = ExpressionChange.CHANGED_AND_RESOLVED if old is not None else change
        elif new not in group.regex_counts:
            _check(new)
            is_unknown = True
        elif new in group.resolved:
            change = ExpressionChange.CHANGED_AND_RESOLVED
    if visible is not None and (is_unknown or group.regex_counts):
        _maybe_resolve(groups, group, old, new, visible, is_unknown=is_unknown)
    return change


def _check(expression: str) -> None:
    from ottla.coordinator.group.regular_expression.matcher import TopicMatcher  # seldom needed
    from ottla.coordinator.group.regular_expression.syntax import InvalidExpressionError

    try:
        TopicMatcher(expression)
    except InvalidExpressionError as error:
        message = f"'{expression}' is not a regular expression: {error}"
        raise KafkaError(ErrorCode.INVALID_REGULAR_EXPRESSION, message) from None


def _maybe_resolve(
    groups: Groups,
    group: ConsumerGroup,
    old: str | None,
    new: str | None,
    visible: VisibleTopics,
    *,
    is_unknown: bool,
) -> None:
    key = expressions_timer(group.group_id)
    if groups.timers.is_scheduled(key):
        return
    now_ms = groups.clock.now_ms()
    last = next(iter(group.resolved.values()), None)
    if last is not None and now_ms <= last.timestamp_ms + MIN_REFRESH_MS:
        return
    counts = dict(group.regex_counts)
    if old is not None:
        counts[old] = counts.get(old, 1) - 1
    if new is not None:
        counts[new] = counts.get(new, 0) + 1
    expressions = tuple(expression for expression, count in counts.items() if count > 0)
    is_due = (
        is_unknown
        or len(expressions) != len(group.resolved)
        or last is None
        or last.version < groups.topics_created_version
        or now_ms > last.timestamp_ms + groups.config.consumer_regex_refresh_interval_ms
    )
    if is_due and expressions:
        groups.timers.schedule(key, 0, partial(_resolve, groups, group.group_id, expressions, visible))


def _resolve(groups: Groups, group_id: str, expressions: tuple[str, ...], visible: VisibleTopics) -> TimerResult:
    group = groups.consumer(group_id)
    if group is None:
        return nothing()
    image, now_ms = groups.image(), groups.clock.now_ms()
    records: list[CoordinatorRecord] = []
    resolved = dict(group.resolved)
    topics_changed = False
    for expression in expressions:
        if expression not in group.regex_counts:
            continue
        topics = frozenset(visible(_match(expression, image.topics.by_name)))
        topics_changed |= topics != group.resolved.get(expression, _NOTHING_RESOLVED).topics
        resolved[expression] = ResolvedExpression(topics, image.offset, now_ms)
        records.append(regular_expression_record(group_id, expression, resolved[expression]))
    names = set(group.name_counts).union(*(each.topics for each in resolved.values()))
    metadata_hash = groups.topic_hashes.group_hash(image, names)
    if topics_changed or metadata_hash != group.metadata_hash:
        group_epoch = group.group_epoch + 1
        records.append(group_epoch_record(group_id, group_epoch, metadata_hash))
        group.metadata_refresh = (now_ms + METADATA_REFRESH_INTERVAL_MS, group_epoch)
    return CoordinatorResult(records, None)


def _match(expression: str, names: Iterable[str]) -> list[str]:
    """An expression that another implementation accepted and this one does not means no topic."""
    from ottla.coordinator.group.regular_expression.matcher import TopicMatcher
    from ottla.coordinator.group.regular_expression.syntax import InvalidExpressionError

    try:
        return TopicMatcher(expression).select(names)
    except InvalidExpressionError:
        return []


def delete_expressions(
    group: ConsumerGroup, leaving: list[ConsumerGroupMember], records: list[CoordinatorRecord]
) -> set[str]:
    """Those that nobody subscribes by once these members are gone."""
    counts: dict[str, int] = {}
    for member in leaving:
        if member.regex is not None:
            counts[member.regex] = counts.get(member.regex, 0) + 1
    gone = {expression for expression, count in counts.items() if group.regex_counts.get(expression) == count}
    records += [regular_expression_tombstone(group.group_id, expression) for expression in gone]
    return gone
