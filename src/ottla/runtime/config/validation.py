"""What must hold between the configs of a node (`KafkaConfig.validateValues`), and what Ottla cannot do yet."""

from ottla.runtime.config.definition import ConfigError
from ottla.runtime.config.endpoints import Endpoint, parse_servers
from ottla.runtime.config.server_config import ServerConfig

_MIN_DEDUPE_BYTES_PER_THREAD = 1024 * 1024


def check_server_config(config: ServerConfig) -> None:
    """`ConfigError` for the first rule that does not hold."""
    _check_identity(config)
    _check_listeners(config)
    _check_quorum(config)
    _check_logs(config)
    _check_replication(config)
    _check_groups(config)


def _refuse(config: ServerConfig, key: str, allowed: str) -> ConfigError:
    return ConfigError(key, config.get_text(key) if key in config.values else "", allowed)


def _check_identity(config: ServerConfig) -> None:
    broker_id = config.get_int("broker.id")
    if broker_id not in (-1, config.node_id):
        raise _refuse(config, "broker.id", f"it must be node.id ({config.node_id}), or not be set")
    if config.get_int("queued.max.request.bytes") > 0:
        least = config.get_int("socket.request.max.bytes")
        if config.get_int("queued.max.request.bytes") < least:
            raise _refuse(config, "queued.max.request.bytes", f"it must be at least socket.request.max.bytes ({least})")
    delay = config.get_int("connection.failed.authentication.delay.ms")
    idle = config.get_int("connections.max.idle.ms")
    if idle > 0 and delay >= idle:
        name = "connection.failed.authentication.delay.ms"
        raise _refuse(config, name, f"it must be less than connections.max.idle.ms ({idle})")


def _check_listeners(config: ServerConfig) -> None:
    _check_ports("listeners", config.listeners, config)
    names = {one.listener_name for one in config.listeners}
    for name in config.controller_listener_names:
        if config.is_controller and name not in names:
            raise _refuse(config, "controller.listener.names", f"listeners must have {name} on a controller")
    if not config.is_broker:
        if not config.controller_listeners:
            raise _refuse(config, "controller.listener.names", "a controller needs a listener of its own")
        if config.broker_listeners:
            wrong = str(config.broker_listeners[0])
            raise ConfigError("listeners", wrong, "a node that is only a controller has controllers' listeners only")
        return
    if not config.is_controller and config.controller_listeners:
        wrong = str(config.controller_listeners[0])
        raise ConfigError("listeners", wrong, "a node that is only a broker has no controller's listener")
    if not config.broker_listeners:
        raise _refuse(config, "listeners", "a broker needs a listener that is not in controller.listener.names")
    advertised = {one.listener_name for one in config.advertised_listeners}
    if not advertised:
        raise _refuse(config, "advertised.listeners", "a broker must advertise a listener")
    for one in config.advertised_listeners:
        if one.host == "0.0.0.0":
            key = "advertised.listeners" if config.get_list("advertised.listeners") else "listeners"
            raise ConfigError(key, str(one), "no one can connect to 0.0.0.0: set advertised.listeners")
        if one.listener_name not in names:
            raise ConfigError("advertised.listeners", str(one), f"listeners must have {one.listener_name}")
    inter_broker = config.get_optional_str("inter.broker.listener.name")
    if inter_broker is not None and inter_broker.upper() not in advertised:
        raise _refuse(
            config, "inter.broker.listener.name", f"it must be advertised, as {', '.join(sorted(advertised))} is"
        )
    if inter_broker is not None and "security.inter.broker.protocol" in config.explicit:
        raise _refuse(
            config, "security.inter.broker.protocol", "only one of it and inter.broker.listener.name may be set"
        )


def _check_ports(key: str, endpoints: tuple[Endpoint, ...], config: ServerConfig) -> None:
    used: dict[int, Endpoint] = {}
    for one in endpoints:
        other = used.setdefault(one.port, one)
        # One IPv4 and one IPv6 address may share a port.
        if one.port and other is not one and (":" in one.host) == (":" in other.host):
            raise _refuse(config, key, f"{other} and {one} have the same port")


def _check_quorum(config: ServerConfig) -> None:
    voters = config.quorum_voters
    is_voter = config.node_id in {voter.id for voter in voters}
    if voters and config.is_controller and not is_voter:
        raise _refuse(config, "controller.quorum.voters", f"it must have node.id ({config.node_id}) of a controller")
    if voters and not config.is_controller and is_voter:
        raise _refuse(config, "controller.quorum.voters", f"node {config.node_id} has not the role controller")
    servers = config.get_list("controller.quorum.bootstrap.servers")
    parse_servers("controller.quorum.bootstrap.servers", servers)
    if config.is_controller and config.is_broker and not config.controller_listener_names and not (voters or servers):
        return  # it is the whole quorum, and no one else need find it
    if not (voters or servers) and not (config.is_controller and config.is_broker):
        raise _refuse(config, "controller.quorum.bootstrap.servers", "it, or controller.quorum.voters, must be set")
    if not config.controller_listener_names:
        raise _refuse(config, "controller.listener.names", "it must be set, so that controllers are found")


def _check_logs(config: ServerConfig) -> None:
    if not all(config.log_dirs):
        raise _refuse(config, "log.dirs", "it must have at least one directory, and none that is empty")
    if len(set(config.log_dirs)) != len(config.log_dirs):
        raise _refuse(config, "log.dirs", "a directory stands there twice")
    for name in ("log.retention.ms", "log.retention.minutes", "log.retention.hours"):
        value = config.get_optional_int(name)
        if value is not None and (value == 0 or value < -1):
            raise _refuse(config, name, "it must be at least 1, or -1 for no limit")
    for name, least in (("log.roll.ms", 1), ("log.roll.jitter.ms", 0)):
        value = config.get_optional_int(name)
        if value is not None and value < least:
            raise _refuse(config, name, f"it must be at least {least}")
    if config.get_bool("log.cleaner.enable"):
        threads = config.get_int("log.cleaner.threads")
        buffer = config.get_int("log.cleaner.dedupe.buffer.size")
        if threads and buffer // threads <= _MIN_DEDUPE_BYTES_PER_THREAD:
            raise _refuse(config, "log.cleaner.dedupe.buffer.size", "it must be over 1 MiB for each cleaner thread")


def _check_replication(config: ServerConfig) -> None:
    wait = config.get_int("replica.fetch.wait.max.ms")
    for name in ("replica.socket.timeout.ms", "replica.lag.time.max.ms"):
        if wait > config.get_int(name):
            allowed = f"it must be at least replica.fetch.wait.max.ms ({wait})"
            raise _refuse(config, name, allowed)
    codec = config.get_int("offsets.topic.compression.codec")
    if not 0 <= codec <= 4:
        raise _refuse(config, "offsets.topic.compression.codec", "it must be 0 to 4 (none, gzip, snappy, lz4, zstd)")


def _check_groups(config: ServerConfig) -> None:
    _check_order(config, "group.min.session.timeout.ms", "group.max.session.timeout.ms")
    for kind in ("consumer", "share", "streams"):
        for what in ("heartbeat.interval.ms", "session.timeout.ms", "assignment.interval.ms"):
            least, chosen, most = (f"group.{kind}.{bound}{what}" for bound in ("min.", "", "max."))
            _check_order(config, least, most)
            _check_order(config, least, chosen)
            _check_order(config, chosen, most)
        heartbeat, session = f"group.{kind}.heartbeat.interval.ms", f"group.{kind}.session.timeout.ms"
        if config.get_int(heartbeat) >= config.get_int(session):
            raise _refuse(config, heartbeat, f"it must be less than {session} ({config.get_int(session)})")
    _check_order(config, "group.streams.num.standby.replicas", "group.streams.max.standby.replicas")
    for what in ("record.lock.duration.ms", "delivery.count.limit", "partition.max.record.locks"):
        least, chosen, most = (f"group.share.{bound}{what}" for bound in ("min.", "", "max."))
        _check_order(config, least, chosen)
        _check_order(config, chosen, most)


def _check_order(config: ServerConfig, smaller: str, larger: str) -> None:
    if config.get_int(smaller) > config.get_int(larger):
        raise _refuse(config, larger, f"it must be at least {smaller} ({config.get_int(smaller)})")
