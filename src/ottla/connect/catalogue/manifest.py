"""Airbyte's declarative manifests: YAML that Airbyte's CDK runs. The CDK is installed once, for all of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.catalogue.home import PluginError

if TYPE_CHECKING:
    from pathlib import Path

    from ottla.connect.catalogue.home import PluginHome

CDK: Final = "airbyte-cdk"
DECLARATIVE_PROGRAM: Final = "source-declarative-manifest"
SUFFIXES: Final = (".yaml", ".yml", ".json")
MANIFEST_BYTES_MAX: Final = 16 * 1024 * 1024
YAML_TIMEOUT_S: Final = 60.0
_TO_JSON: Final = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin.buffer.read()), sys.stdout, default=str)"


def cdk_python(home: PluginHome) -> Path:
    return home.shared / CDK / "venv" / "bin" / "python"


def read_manifest(path: Path, home: PluginHome) -> dict[str, Any]:
    """YAML is read by the CDK's Python, which has what it takes. `PluginError` names the file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PluginError(f"{path}: {error.strerror}") from error
    if len(data) > MANIFEST_BYTES_MAX:
        raise PluginError(f"{path} has more than {MANIFEST_BYTES_MAX} bytes: is it a manifest?")
    try:
        found = json.loads(data if path.suffix == ".json" else _as_json(path, data, cdk_python(home)))
    except ValueError as error:
        raise PluginError(f"{path} is neither YAML nor JSON: {error}") from None
    if not isinstance(found, dict) or not {"version", "type", "streams", "dynamic_streams"} & found.keys():
        raise PluginError(f"{path} is no manifest of Airbyte's: it has no version, type or streams")
    return found


def _as_json(path: Path, data: bytes, python: Path) -> bytes:
    import subprocess

    try:
        result = subprocess.run(
            [str(python), "-I", "-c", _TO_JSON], input=data, capture_output=True, timeout=YAML_TIMEOUT_S, check=False
        )
    except OSError as error:
        raise PluginError(f"{python}: {error.strerror}; `ottla connectors install {CDK}` makes it") from error
    except subprocess.TimeoutExpired:
        raise PluginError(f"{path} was not read within {YAML_TIMEOUT_S:g} s") from None
    if result.returncode:
        last = result.stderr.decode("utf-8", "replace").strip().splitlines()[-4:]
        raise PluginError(f"{path} is no YAML: {' '.join(last)}")
    return result.stdout
