"""Clients of a registry and of a worker of Connect, as the command line and the profile say."""

import argparse
import ssl

from ottla.console.cli.session import UsageError, find_profile
from ottla.console.operations.connectors import ConnectApi
from ottla.console.operations.profiles import Profile, config_file
from ottla.registry.client.registry_client import RegistryClient
from ottla.runtime.tls_files import TlsFiles


def registry_client(arguments: argparse.Namespace, default: str) -> RegistryClient:
    """`UsageError`, `RegistryClientError`."""
    found = optional_registry_client(arguments, default)
    assert found is not None
    return found


def optional_registry_client(arguments: argparse.Namespace, default: str | None = None) -> RegistryClient | None:
    """`None`: nobody says where it is."""
    profile = find_profile(arguments.profile)
    url = arguments.registry or profile.registry or default
    return None if url is None else RegistryClient(url, tls=_tls(arguments, profile))


def connect_api(arguments: argparse.Namespace, url: str | None, default: str) -> ConnectApi:
    """`UsageError`, `ConnectorsError`."""
    profile = find_profile(arguments.profile)
    return ConnectApi(url or profile.connect or default, tls=_tls(arguments, profile))


def _tls(arguments: argparse.Namespace, profile: Profile) -> ssl.SSLContext | None:
    """What the command line names wins over the profile; a certificate brings its key along."""
    given, folder = TlsFiles.of(arguments), config_file().parent
    certificate, key, ca = (
        None if name is None else folder / name for name in (profile.tls_certificate, profile.tls_key, profile.tls_ca)
    )
    if given.certificate is not None:
        certificate, key = given.certificate, given.key
    try:
        return TlsFiles(certificate, given.key or key, given.ca or ca).client()
    except ValueError as error:
        raise UsageError(str(error)) from None
