"""What a user of PyPI's grafana-client does with a Grafana. Argument: its address. Every step fails loudly."""

import sys
import warnings

from grafana_client import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaUnauthorizedError
from grafana_client.model import DatasourceIdentifier

ADDRESS = sys.argv[1].removeprefix("http://").rstrip("/")
HOST, PORT = ADDRESS.split(":")


def connect(auth):
    return GrafanaApi(auth, host=HOST, port=int(PORT), protocol="http")


def refused(status, call, *args, **options):
    try:
        call(*args, **options)
    except GrafanaClientError as error:
        assert error.status_code == status, (error.status_code, error.message)
        return error
    raise AssertionError(f"{call} was not refused")


def people(grafana):
    assert grafana.user.get_actual_user()["login"] == "chief"
    assert grafana.organization.get_current_organization()["name"] == "Main Org."
    created = grafana.admin.create_user({"login": "anna", "email": "anna@example.org", "password": "secret1"})
    assert grafana.users.find_user("anna@example.org")["id"] == created["id"]
    anna = connect(("anna", "secret1"))
    refused(403, anna.folder.create_folder, "Hers")
    grafana.organization.update_user_current_organization(created["id"], {"role": "Editor"})
    assert anna.folder.create_folder("Hers")["title"] == "Hers"
    anna.user.change_actual_user_password("secret1", "secret2")
    try:
        connect(("anna", "secret1")).user.get_actual_user()
    except GrafanaUnauthorizedError:
        return
    raise AssertionError("the old password still holds")


def tokens(grafana):
    account = grafana.serviceaccount.create({"name": "robot", "role": "Viewer"})
    token = grafana.serviceaccount.create_token(account["id"], {"name": "t"})
    robot = connect(token["key"])
    assert robot.health.check()["version"].endswith("+panelist")
    refused(403, robot.dashboard.update_dashboard, {"dashboard": {"title": "no"}})
    grafana.serviceaccount.delete_token(account["id"], token["id"])
    try:
        robot.health.check()
    except GrafanaUnauthorizedError:
        return
    raise AssertionError("a deleted token still holds")


def data_sources(grafana):
    provided = grafana.datasource.get_datasource_by_name("Metrics")
    assert grafana.datasource.get_datasource_by_uid(provided["uid"])["id"] == provided["id"]
    assert grafana.datasource.health(provided["uid"])["status"] == "OK"
    refused(403, grafana.datasource.delete_datasource_by_uid, provided["uid"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = grafana.datasource.query(datasource_id=provided["id"], query="up", timestamp=None)
    assert {each["metric"]["job"] for each in answer["data"]["result"]} == {"prometheus", "nobody"}
    found = grafana.datasource.smartquery(DatasourceIdentifier(uid=provided["uid"]), "sum(up)", {"intervalMs": 1000})
    assert found["results"]["test"]["frames"][0]["data"]["values"][1][-1] == 1
    values = {"name": "Second", "type": "prometheus", "url": provided["url"], "access": "proxy"}
    values["secureJsonData"] = {"httpHeaderValue1": "hidden"}
    made = grafana.datasource.create_datasource(values)["datasource"]
    assert made["secureJsonFields"] == {"httpHeaderValue1": True}
    assert "hidden" not in str(made)
    refused(409, grafana.datasource.create_datasource, values)
    grafana.datasource.update_datasource(made["id"], {**values, "name": "Renamed", "isDefault": True})
    assert not grafana.datasource.get_datasource_by_name("Metrics")["isDefault"]
    grafana.datasource.delete_datasource_by_name("Renamed")
    refused(404, grafana.datasource.find_datasource, "Renamed")


def dashboards(grafana):
    folder = grafana.folder.create_folder("Mine", uid="mine")
    refused(409, grafana.folder.create_folder, "Mine")
    saved = grafana.dashboard.update_dashboard(
        {"dashboard": {"title": "Büro überall", "tags": ["a"], "panels": []}, "folderUid": "mine", "message": "first"}
    )
    assert saved["status"] == "success" and saved["version"] == 1 and saved["url"].endswith("/buro-uberall")
    got = grafana.dashboard.get_dashboard(saved["uid"])
    assert (got["meta"]["folderTitle"], got["dashboard"]["version"]) == ("Mine", 1)
    again = {"dashboard": {**got["dashboard"], "title": "Changed"}, "folderUid": "mine"}
    assert grafana.dashboard.update_dashboard(again)["version"] == 2
    stale = refused(412, grafana.dashboard.update_dashboard, again)
    assert stale.response["status"] == "version-mismatch"
    assert grafana.dashboard.update_dashboard({**again, "overwrite": True})["version"] == 3
    same = refused(412, grafana.dashboard.update_dashboard, {"dashboard": {"title": "Changed"}, "folderUid": "mine"})
    assert same.response["status"] == "name-exists"
    assert [each["title"] for each in grafana.search.search_dashboards(query="chang", type_="dash-db")] == ["Changed"]
    assert [each["uid"] for each in grafana.search.search_dashboards(tag="a")] == [saved["uid"]]
    grafana.user.star_dashboard(saved["uid"])
    assert [each["uid"] for each in grafana.search.search_dashboards(starred=True)] == [saved["uid"]]
    refused(400, grafana.dashboard.delete_dashboard, "old")
    grafana.dashboard.delete_dashboard(saved["uid"])
    refused(404, grafana.dashboard.get_dashboard, saved["uid"])
    grafana.folder.update_folder("mine", title="Ours", version=folder["version"])
    refused(412, grafana.folder.update_folder, "mine", title="Theirs", version=folder["version"])
    grafana.folder.delete_folder("mine")
    refused(404, grafana.folder.get_folder, "mine")


def annotations(grafana):
    added = grafana.annotations.add_annotation(
        dashboard_uid="old", time_from=1_000, time_to=2_000, tags=["deploy"], text="a new version"
    )
    (found,) = grafana.annotations.get_annotation(time_from=500, time_to=1_500, tags=["deploy"])
    assert (found["text"], found["dashboardUID"]) == ("a new version", "old")
    assert grafana.annotations.get_annotation(time_from=3_000, time_to=4_000) == []
    grafana.annotations.delete_annotations_by_id(added["id"])
    assert grafana.annotations.get_annotation(time_from=500, time_to=1_500) == []


def main():
    chief = connect(("chief", "open sesame"))
    chief.connect()
    for story in (people, tokens, data_sources, dashboards, annotations):
        story(chief)
        print(story.__name__, "fine")


main()
