"""grafana.ini and the GF_ variables; variables in texts."""

import pytest

from tests.unit.stand_ins.grafana.support import no_file

from panelist.interpolate import interpolate  # isort: skip
from panelist.settings import parse_settings, variable  # isort: skip

INI = """
app_mode = production
[server]
http_port = 3001
[security]
admin_user = root
# a dollar in a password stays
admin_password = "pa$word"
[auth.anonymous]
enabled = true
org_role = Editor
"""


def test_defaults_are_grafanas():
    settings = parse_settings("", {}, no_file)
    assert (settings.port, settings.admin_user, settings.admin_password) == (3000, "admin", "admin")
    assert (settings.anonymous_role, settings.allow_sign_up, settings.login_form) == ("", False, True)
    assert settings.provisioning == "/etc/grafana/provisioning"


def test_the_file_is_read_and_the_environment_is_over_it():
    settings = parse_settings(INI, {"GF_SERVER_HTTP_PORT": "3002", "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer"}, no_file)
    assert (settings.port, settings.admin_user, settings.admin_password) == (3002, "root", "pa$word")
    assert settings.anonymous_role == "Viewer"


def test_a_secret_comes_from_a_file():
    files = {"/run/secrets/password": "deep\n", "/elsewhere": "blue"}
    environ = {
        "GF_SECURITY_ADMIN_PASSWORD__FILE": "/run/secrets/password",
        "GF_SECURITY_ADMIN_USER": "$__file{/elsewhere}",
    }
    settings = parse_settings("", environ, files.__getitem__)
    assert (settings.admin_user, settings.admin_password) == ("blue", "deep")


@pytest.mark.parametrize(
    ("section", "key", "name"),
    [
        ("security", "admin_password", "GF_SECURITY_ADMIN_PASSWORD"),
        ("auth.anonymous", "enabled", "GF_AUTH_ANONYMOUS_ENABLED"),
    ],
)
def test_a_setting_has_its_variable(section, key, name):
    assert variable(section, key) == name


def test_a_role_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match=r'auth\.anonymous\.org_role: expected one of .*, got "King"'):
        parse_settings("[auth.anonymous]\norg_role = King", {}, no_file)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("http://$HOST:${PORT}/", "http://prometheus:9090/"),
        ("$__env{HOST}", "prometheus"),
        ("a$$b", "a$b"),
        ("$UNKNOWN.", "."),
        ("$HOST$PORT", "prometheus9090"),
        ("costs 5$", "costs 5$"),
    ],
)
def test_variables_in_provisioning_files(text, result):
    assert interpolate(text, {"HOST": "prometheus", "PORT": "9090"}, no_file) == result


def test_variables_are_replaced_deep_inside_but_not_in_keys():
    value = {"$K": ["$K", {"n": 1, "t": "${K}"}], "flag": True}
    assert interpolate(value, {"K": "v"}, no_file) == {"$K": ["v", {"n": 1, "t": "v"}], "flag": True}
