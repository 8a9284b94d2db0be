"""Files of data sources and of dashboard folders."""

import pytest

from tests.unit.stand_ins.grafana.support import no_file

from panelist.provisioning import parse_data_sources, parse_providers, uid_of_name  # isort: skip

SOURCES = """
apiVersion: 1
deleteDatasources:
  - {name: Old, orgId: 1}
datasources:
  - name: Prometheus
    type: prometheus
    access: proxy
    orgId: 1
    url: http://${HOST}:9090
    password:
    basicAuth: true
    basicAuthUser: me
    basicAuthPassword: $SECRET
    isDefault: true
    jsonData:
      timeInterval: 5s
      httpHeaderName1: X-Team
    secureJsonData:
      httpHeaderValue1: blue
    editable: true
"""


def test_a_data_source():
    found = parse_data_sources(SOURCES, {"HOST": "metrics", "SECRET": "s3"}, no_file)
    (source,) = found.wanted
    assert found.unwanted == ("Old",)
    assert source["url"] == "http://metrics:9090"
    assert source["secureJsonData"] == {"httpHeaderValue1": "blue", "basicAuthPassword": "s3"}
    assert (source["basicAuth"], source["basicAuthUser"], source["isDefault"]) == (True, "me", True)
    assert source["jsonData"]["timeInterval"] == "5s"
    assert (source["readOnly"], source["uid"]) == (False, uid_of_name("Prometheus"))


def test_what_a_file_provides_is_read_only_unless_it_says_otherwise():
    (source,) = parse_data_sources("datasources: [{name: a, type: prometheus, uid: u1}]", {}, no_file).wanted
    assert (source["readOnly"], source["uid"], source["access"]) == (True, "u1", "proxy")


def test_a_file_of_old_names_its_keys_with_underscores():
    text = "datasources: [{name: a, type: prometheus, is_default: true, json_data: {timeInterval: 1s}}]"
    (source,) = parse_data_sources(text, {}, no_file).wanted
    assert (source["isDefault"], source["jsonData"]) == (True, {"timeInterval": "1s"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("datasources: [{name: a}]", r"datasources\.0: type is missing"),
        ("datasources: {name: a}", "datasources: expected a list of mappings"),
        ("- a", "expected a mapping, got list"),
        ("a: [", "no YAML"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, message):
    with pytest.raises(ValueError, match=message):
        parse_data_sources(text, {}, no_file)


def test_a_provider():
    text = """
apiVersion: 1
providers:
  - name: files
    folder: Machines
    type: file
    disableDeletion: true
    allowUiUpdates: true
    updateIntervalSeconds: 3
    options: {path: $DIR/boards, foldersFromFilesStructure: true}
"""
    (provider,) = parse_providers(text, {"DIR": "/d"}, no_file)
    assert (provider.path, provider.folder, provider.interval_s) == ("/d/boards", "Machines", 3.0)
    assert provider.disable_deletion and provider.allow_ui_updates and provider.folders_from_files


def test_providers_of_before_the_api_version_are_a_bare_list():
    (provider,) = parse_providers("- {name: default, folder: '', type: file, options: {folder: /d}}", {}, no_file)
    assert (provider.path, provider.interval_s) == ("/d", 10.0)


def test_an_empty_file_provides_nothing_and_a_folder_must_be_named():
    assert parse_providers("", {}, no_file) == ()
    with pytest.raises(ValueError, match=r"providers\.0: options\.path is missing"):
        parse_providers("providers: [{name: a}]", {}, no_file)
