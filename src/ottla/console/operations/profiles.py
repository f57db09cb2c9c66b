"""Profiles: clusters under names, in `$XDG_CONFIG_HOME/ottla/config.toml` (without the variable: `~/.config`).

    default = "work"

    [profiles.work]
    bootstrap = "kafka.example:9093"
    registry = "https://schemas.example"
    connect = "https://connect.example"
    command_config = "work.properties"            # beside this file, or absolute
    tls_ca = "ca.pem"                             # the same: whom to trust over https (certificate, key: who one is)
    timeout_s = 60

    [profiles.work.properties]                    # what a client.properties has; they win over command_config
    "security.protocol" = "SASL_SSL"

Written are only the sections of one profile and the line of the default: what else stands there stays as it is.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ottla.console.operations.near_names import did_you_mean

PROFILE_VARIABLE = "OTTLA_PROFILE"
FILES = ("command_config", "tls_ca", "tls_certificate", "tls_key")
_SECTION = re.compile(r"^\s*\[(?P<key>[^\[\]]+)\]\s*(?:#.*)?$")
_DEFAULT = re.compile(r"^\s*default\s*=")
_NAME = re.compile(r"[A-Za-z0-9_-]+")


class ProfileError(Exception):
    """The file cannot be read, or is not what it should be, or there is no such profile; the text says which."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What is `None` was not said: the command's own default holds."""

    bootstrap: str | None = None
    registry: str | None = None
    connect: str | None = None
    command_config: str | None = None
    timeout_s: float | None = None
    tls_ca: str | None = None
    tls_certificate: str | None = None
    tls_key: str | None = None
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Profiles:
    default: str | None
    by_name: dict[str, Profile]


def config_file() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "ottla" / "config.toml"


def read_profiles(file: Path) -> Profiles:
    """None at all when the file is not there."""
    return _profiles(file, _read(file))


def chosen(file: Path, name: str | None) -> tuple[str, Profile] | None:
    """The one that is named, by the caller or by `OTTLA_PROFILE`, else the default; `None` if there is none."""
    wanted = name or os.environ.get(PROFILE_VARIABLE) or None
    there = read_profiles(file)
    if wanted is None:
        wanted = there.default
    if wanted is None:
        return None
    return wanted, find(file, there, wanted)


def find(file: Path, there: Profiles, name: str) -> Profile:
    if name not in there.by_name:
        near = did_you_mean(name, there.by_name)
        raise ProfileError(f"there is no profile '{name}' in {file}.{near or ' `ottla profile set` makes one.'}")
    return there.by_name[name]


def save(file: Path, name: str, profile: Profile) -> None:
    """Make or replace one. The first becomes the default."""
    if not _NAME.fullmatch(name):
        raise ProfileError(f"'{name}' is no name of a profile: letters, digits, - and _")
    text = _read(file)
    there = _profiles(file, text)
    written = f"{_without(text, name).rstrip()}\n\n{_section(name, profile)}".lstrip()
    default = there.default or name
    if there.default is None:
        written = _with_default(written, name)
    _write(file, written, Profiles(default, {**there.by_name, name: profile}))


def delete(file: Path, name: str) -> None:
    text = _read(file)
    there = _profiles(file, text)
    find(file, there, name)
    default = there.default if there.default != name else None
    written = _without(text, name)
    if default is None:
        written = _with_default(written, None)
    _write(file, written, Profiles(default, {each: p for each, p in there.by_name.items() if each != name}))


def make_default(file: Path, name: str) -> None:
    text = _read(file)
    there = _profiles(file, text)
    find(file, there, name)
    _write(file, _with_default(text, name), Profiles(name, there.by_name))


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{file}: {getattr(error, 'strerror', None) or error}") from None


def _profiles(file: Path, text: str) -> Profiles:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{file} is no TOML: {error}") from None
    sections, default = document.get("profiles", {}), document.get("default")
    if not isinstance(sections, dict) or not (default is None or isinstance(default, str)):
        raise ProfileError(f'{file}: profiles are sections [profiles.NAME], and default = "NAME"')
    return Profiles(default, {name: _profile(file, name, section) for name, section in sections.items()})


def _profile(file: Path, name: str, section: Any) -> Profile:
    known = [each.name for each in fields(Profile)]
    if not isinstance(section, dict):
        raise ProfileError(f"{file}: profile {name} is no section")
    for key, value in section.items():
        if key not in known:
            near = did_you_mean(key, known)
            raise ProfileError(f"{file}: profile {name} has a key '{key}'; there are {', '.join(known)}.{near}")
        right = {"timeout_s": (int, float), "properties": (dict,)}.get(key, (str,))
        if not isinstance(value, right) or isinstance(value, bool):
            raise ProfileError(f"{file}: {key} of profile {name} is {json.dumps(value, default=str)}")
    properties = {key: _text(value) for key, value in section.get("properties", {}).items()}
    return Profile(**{**section, "properties": properties})


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _section(name: str, profile: Profile) -> str:
    lines = [f"[profiles.{name}]"]
    given = {key: getattr(profile, key) for key in ("bootstrap", "registry", "connect", *FILES)}
    lines += [f"{key} = {_quoted(value)}" for key, value in given.items() if value is not None]
    if profile.timeout_s is not None:
        lines.append(f"timeout_s = {profile.timeout_s:g}")
    if profile.properties:
        lines += ["", f"[profiles.{name}.properties]"]
        lines += [f"{_quoted(key)} = {_quoted(value)}" for key, value in profile.properties.items()]
    return "".join(f"{line}\n" for line in lines)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _without(text: str, name: str) -> str:
    kept, drops = [], False
    for line in text.splitlines(keepends=True):
        if found := _SECTION.match(line):
            drops = _path(found["key"])[:2] == ["profiles", name]
        if not drops:
            kept.append(line)
    return "".join(kept)


def _path(key: str) -> list[str]:
    try:
        table: Any = tomllib.loads(f"[{key}]")
    except tomllib.TOMLDecodeError:
        return []
    path = []
    while table:
        ((part, table),) = table.items()
        path.append(part)
    return path


def _with_default(text: str, name: str | None) -> str:
    lines, head = [], True
    for line in text.splitlines(keepends=True):
        head = head and _SECTION.match(line) is None
        if not (head and _DEFAULT.match(line)):
            lines.append(line)
    rest = "".join(lines)
    return rest if name is None else f'default = "{name}"\n{"" if rest.startswith(chr(10)) else chr(10)}{rest}'


def _write(file: Path, text: str, expected: Profiles) -> None:
    """Whole or not at all; for its owner alone, as there may be passwords in it."""
    try:
        same = _profiles(file, text) == expected
    except ProfileError:
        same = False
    if not same:
        raise ProfileError(f"{file} is written in a way that this command would spoil: change it by hand")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, delete=False) as made:
            made.write(text)
        Path(made.name).replace(file)
    except OSError as error:
        raise ProfileError(f"{file}: {error.strerror or error}") from None
