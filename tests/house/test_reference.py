"""The generated pages are up to date, and every handler is the kind of file that they describe."""

from __future__ import annotations

import ast

import pytest
from tests.house.catalogue_reference import CATALOGUE_MD, render_catalogue
from tests.house.cli_reference import CLI_MD, render_cli
from tests.house.configs_reference import CONFIGS_MD
from tests.house.configs_reference import render as render_configs
from tests.house.connectors_reference import CONNECTORS_MD, described, own_connectors, render_connectors
from tests.house.reference import APIS_MD, HANDLER_FOLDER, controller_file, handler_file, kips, render
from tests.house.rest_reference import REST_MD
from tests.house.rest_reference import render as render_rest

from ottla.broker.api_table import HANDLERS
from ottla.broker.controller_api_table import CONTROLLER_HANDLERS
from ottla.protocol.api_keys import API, ApiKey


def test_the_page_of_apis_is_up_to_date() -> None:
    """But for the last column: a new test is no reason to fail."""
    assert _without_tests(APIS_MD.read_text("utf-8")) == _without_tests(render()), "run `make docs`"


def test_the_page_of_the_command_line_is_up_to_date() -> None:
    assert CLI_MD.read_text("utf-8") == render_cli(), "run `make docs`"


def test_the_page_of_connectors_is_up_to_date_and_has_them_all() -> None:
    assert CONNECTORS_MD.read_text("utf-8") == render_connectors(), "run `make docs`"
    assert described() == own_connectors().keys()


def test_the_page_of_connectors_of_others_is_up_to_date() -> None:
    assert CATALOGUE_MD.read_text("utf-8") == render_catalogue(), "run `make docs`"


def test_the_page_of_configs_is_up_to_date() -> None:
    assert CONFIGS_MD.read_text("utf-8") == render_configs(), "run `make docs`"


def test_the_page_of_rest_apis_is_up_to_date() -> None:
    assert REST_MD.read_text("utf-8") == render_rest(), "run `make docs`"


def _without_tests(page: str) -> list[str]:
    return [line.rstrip("| ").rpartition("|")[0] if line.startswith("|") else line for line in page.splitlines()]


def test_every_file_of_a_handler_is_in_the_table() -> None:
    files = {path.name for path in HANDLER_FOLDER.glob("*.py")} - {"__init__.py"}
    assert files == {handler_file(key) for key in HANDLERS} | {controller_file(key) for key in CONTROLLER_HANDLERS}


SERVED = {(key, handler_file(key)) for key in HANDLERS} | {(key, controller_file(key)) for key in CONTROLLER_HANDLERS}


@pytest.mark.parametrize(("key", "file"), sorted(SERVED))
def test_a_handler_opens_with_its_name_and_version_table(key: ApiKey, file: str) -> None:
    docstring = ast.get_docstring(ast.parse((HANDLER_FOLDER / file).read_text("utf-8"))) or ""
    assert docstring.startswith(f"{API[key].name} ({int(key)})")
    is_told_elsewhere = "ersions as in `" in docstring
    assert "| version |" in docstring or is_told_elsewhere or API[key].versions.oldest == API[key].versions.latest
    assert all(0 < number < 2000 for number in kips(file))
