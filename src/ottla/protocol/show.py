"""`ottla protocol show NAME VERSION`: the code that the codec writes for one message in one version."""

from importlib import import_module
from pkgutil import iter_modules

from ottla.protocol import api, control_record, coordinator_record, metadata_record
from ottla.protocol.codec import source_of
from ottla.protocol.message import Message


def show(name: str, version: int) -> str:
    """Source of decoder and encoder, ready to print.

    `name` is a message (`HeartbeatRequest`, `TopicRecord`) or an API (`Heartbeat`, for both directions). LookupError:
    there is no such message, or not in that version.
    """
    messages = all_messages()
    chosen = [messages[wanted] for wanted in (name, f"{name}Request", f"{name}Response") if wanted in messages]
    if not chosen:
        near = sorted((known for known in messages if name.lower() in known.lower()), key=len)
        hint = f"; did you mean {', '.join(near[:5])}?" if near else ""
        raise LookupError(f"no message is called {name!r}{hint}")
    parts = []
    for message in chosen:
        if version not in message.versions:
            raise LookupError(f"{message.__name__} has versions {message.versions}, not {version}")
        decode, encode = source_of(message, version)
        parts.append(f"# {message.__name__}, version {version}\n\n{decode}\n\n{encode}")
    return "\n\n".join(parts)


def all_messages() -> dict[str, type[Message]]:
    """Every message by name; imports all of them."""
    modules = ["ottla.protocol.header", "ottla.protocol.consumer_protocol"]
    for package in (api, metadata_record, coordinator_record, control_record):
        modules += [f"{package.__name__}.{module.name}" for module in iter_modules(package.__path__)]
    return {
        name: value
        for module in modules
        for name, value in vars(import_module(module)).items()
        if isinstance(value, type) and issubclass(value, Message) and value.versions and value.__module__ == module
    }
