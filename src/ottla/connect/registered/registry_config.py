"""What converters over a registry are told (`schema.registry.url`, …), and the client that follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

from ottla.connect.api.config_def import (
    BOOLEAN,
    HIGH,
    LIST,
    LOW,
    MEDIUM,
    NO_DEFAULT_VALUE,
    PASSWORD,
    STRING,
    ConfigDef,
    ConfigType,
)
from ottla.connect.api.converter import converter_config
from ottla.connect.api.errors import ConfigError, DataError, RetriableError
from ottla.registry.client.framing import Framing
from ottla.registry.client.registry_client import RegistryClient, RegistryClientError
from ottla.registry.client.subject_names import SubjectName, record_name, topic_name, topic_record_name

if TYPE_CHECKING:
    import ssl
    from collections import OrderedDict
    from collections.abc import Mapping

    from ottla.registry.client.registry_client import Schema

URL: Final = "schema.registry.url"
AUTO_REGISTER: Final = "auto.register.schemas"
USE_LATEST: Final = "use.latest.version"
NORMALIZE: Final = "normalize.schemas"
KEY_STRATEGY: Final = "key.subject.name.strategy"
VALUE_STRATEGY: Final = "value.subject.name.strategy"
USER_INFO: Final = "basic.auth.user.info"
_PACKAGE: Final = "io.confluent.kafka.serializers.subject."
_STRATEGIES: Final[dict[str, SubjectName]] = {
    "TopicNameStrategy": topic_name,
    "RecordNameStrategy": record_name,
    "TopicRecordNameStrategy": topic_record_name,
}
_SERVER_ERROR: Final = 50_000
TLS_PREFIX: Final = "schema.registry."
_TLS: Final[dict[str, tuple[ConfigType, str]]] = {
    "ssl.truststore.type": (STRING, "Of whom to trust: JKS (if nothing is said), PKCS12 or PEM."),
    "ssl.truststore.location": (STRING, "Whom to trust over https; without it, the system."),
    "ssl.truststore.password": (PASSWORD, "Of a store of Java's."),
    "ssl.truststore.certificates": (PASSWORD, "The same as text, of PEM."),
    "ssl.keystore.type": (STRING, "Of who one is: JKS (if nothing is said), PKCS12 or PEM."),
    "ssl.keystore.location": (STRING, "Key and certificate, for a registry that wants to know who asks."),
    "ssl.keystore.password": (PASSWORD, "Of a store of Java's."),
    "ssl.keystore.key": (PASSWORD, "The key as text, of PEM."),
    "ssl.keystore.certificate.chain": (PASSWORD, "Its certificate and chain as text."),
    "ssl.key.password": (PASSWORD, "Of the key."),
    "ssl.enabled.protocols": (STRING, "TLSv1.2, TLSv1.3."),
    "ssl.endpoint.identification.algorithm": (
        STRING,
        "Whether the certificate has to have the host's name: https, or empty.",
    ),
}


def registry_converter_config() -> ConfigDef:
    definition = converter_config()
    definition.define(URL, LIST, NO_DEFAULT_VALUE, HIGH, "The registry: http://HOST:PORT; the first one is asked.")
    definition.define(AUTO_REGISTER, BOOLEAN, True, MEDIUM, "Whether a schema that is not there is registered.")
    definition.define(USE_LATEST, BOOLEAN, False, LOW, "Whether data is written with the subject's latest schema.")
    definition.define(NORMALIZE, BOOLEAN, False, MEDIUM, "Whether schemas are normalised before they are compared.")
    for key in (KEY_STRATEGY, VALUE_STRATEGY):
        default = f"{_PACKAGE}TopicNameStrategy"
        definition.define(key, STRING, default, MEDIUM, "How a subject is named: after topic, record, or both.")
    definition.define(USER_INFO, PASSWORD, None, MEDIUM, "USER:PASSWORD for the registry.")
    for key, (kind, text) in _TLS.items():
        definition.define(f"{TLS_PREFIX}{key}", kind, None, LOW, text)
    return definition


def make_framing(settings: Mapping[str, Any], *, is_key: bool) -> Framing:
    """Raises `ConfigError`."""
    urls = settings[URL]
    if not urls:
        raise ConfigError.of(URL, urls, "name the registry: http://HOST:PORT")
    try:
        client = RegistryClient(_with_user(urls[0], settings[USER_INFO]), tls=_tls(settings))
    except RegistryClientError as error:
        raise ConfigError.of(URL, urls[0], str(error)) from error
    key = KEY_STRATEGY if is_key else VALUE_STRATEGY
    strategy = _STRATEGIES.get(settings[key].rpartition(".")[2])
    if strategy is None:
        raise ConfigError.of(key, settings[key], f"one of {', '.join(_STRATEGIES)}")
    return Framing(
        client,
        is_key=is_key,
        registers=settings[AUTO_REGISTER],
        uses_latest=settings[USE_LATEST],
        normalize=settings[NORMALIZE],
        subject_name=strategy,
    )


def _tls(settings: Mapping[str, Any]) -> ssl.SSLContext | None:
    """`None`: nothing is said, and the system's trust holds. `ConfigError`."""
    given = {key: settings[f"{TLS_PREFIX}{key}"] for key in _TLS}
    said = {key: getattr(value, "value", value) for key, value in given.items() if value is not None}
    if not said:
        return None
    from ottla.runtime.config.definition import ConfigError as RuntimeConfigError
    from ottla.runtime.tls_context import client_context, text_setting

    try:
        return client_context(text_setting(said))
    except RuntimeConfigError as error:
        raise ConfigError.of(TLS_PREFIX + error.key, error.value, error.allowed) from error


def refused(error: RegistryClientError, topic: str) -> Exception:
    """A registry that did not answer may answer later."""
    if error.code == 0 or error.code >= _SERVER_ERROR:
        return RetriableError(f"The schema registry cannot be asked about topic {topic}: {error}")
    return DataError(f"The schema registry refused what topic {topic} needs: {error}")


def version_of(framing: Framing, topic: str, schema: Schema, name: str | None) -> int | None:
    """The schema's version under its subject, if it stands there."""
    try:
        return framing.version(topic, schema, name)
    except (RegistryClientError, ValueError):
        return None


def keep(kept: OrderedDict[Any, Any], key: object, value: object, bound: int) -> None:
    """The oldest goes where there would be more."""
    kept[key] = value
    if len(kept) > bound:
        kept.popitem(last=False)


def _with_user(url: str, user: Any) -> str:
    if user is None:
        return url
    name, _, password = user.value.partition(":")
    parts = urlsplit(url)
    address = f"{quote(name, safe='')}:{quote(password, safe='')}@{parts.netloc}"
    return urlunsplit((parts.scheme, address, parts.path, parts.query, parts.fragment))
