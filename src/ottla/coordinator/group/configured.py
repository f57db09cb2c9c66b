"""A number that an administrator may set at run time, for a group or for the broker; every kind of group asks here."""

from ottla.coordinator.group.groups import Groups

BROKER_RESOURCE = 4
GROUP_RESOURCE = 32


def of_group(groups: Groups, group_id: str, name: str, default: int, least: int, most: int) -> int:
    """What was set for the group, within the bounds; else the default."""
    value = _number(groups.image().configs.of(GROUP_RESOURCE, group_id).get(name))
    return default if value is None else min(max(value, least), most)


def of_broker(groups: Groups, name: str, static: int) -> int:
    """A broker config that may change at run time: for this broker, for all, else what it was started with."""
    configs = groups.image().configs
    for broker in (str(groups.config.node_id), ""):
        value = _number(configs.of(BROKER_RESOURCE, broker).get(name))
        if value is not None:
            return value
    return static


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().lstrip("-").isdigit() else None
