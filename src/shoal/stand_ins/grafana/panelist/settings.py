"""Settings: grafana.ini, over it the variables GF_<SECTION>_<KEY>. Source: Grafana's page "Configure Grafana"."""

import configparser
import re
from collections.abc import Mapping
from dataclasses import dataclass

from .interpolate import ReadFile, interpolate_setting

#: {(section, key): value} where neither the file nor the environment says otherwise
_DEFAULTS = {
    ("paths", "data"): "/var/lib/grafana",
    ("paths", "provisioning"): "/etc/grafana/provisioning",
    ("server", "http_addr"): "",
    ("server", "http_port"): "3000",
    ("server", "root_url"): "",
    ("security", "admin_user"): "admin",
    ("security", "admin_password"): "admin",
    ("security", "admin_email"): "admin@localhost",
    ("security", "allow_embedding"): "false",
    ("security", "cookie_secure"): "false",
    ("users", "allow_sign_up"): "false",
    ("users", "auto_assign_org_role"): "Viewer",
    ("users", "default_theme"): "dark",
    ("auth", "disable_login_form"): "false",
    ("auth.basic", "enabled"): "true",
    ("auth.anonymous", "enabled"): "false",
    ("auth.anonymous", "org_role"): "Viewer",
    ("dashboards", "default_home_dashboard_path"): "",
    ("dashboards", "min_refresh_interval"): "5s",
    ("dataproxy", "timeout"): "30",
}
ROLES = ("Viewer", "Editor", "Admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the server is told when it starts."""

    data: str
    provisioning: str
    #: "" = every address, of both families
    address: str
    port: int
    root_url: str
    admin_user: str
    admin_password: str
    admin_email: str
    allow_embedding: bool
    cookie_secure: bool
    allow_sign_up: bool
    new_user_role: str
    theme: str
    login_form: bool
    basic_auth: bool
    #: role of who does not log in; "" = nobody gets in without
    anonymous_role: str
    home_dashboard: str
    min_refresh: str
    proxy_timeout_s: float


def parse_settings(ini: str, environ: Mapping[str, str], read: ReadFile) -> Settings:
    """Settings of `ini` and `environ`.

    read: content of a file that a value names (`GF_…__FILE`, `$__file{…}`)
    Raises: ValueError for what is no number, no role, no ini file
    """
    values = _values(ini, environ, read)

    def flag(section: str, key: str) -> bool:
        return values[section, key].lower() in ("true", "1", "yes", "on", "t", "y")

    anonymous_role = _role("auth.anonymous.org_role", values["auth.anonymous", "org_role"])
    return Settings(
        data=values["paths", "data"],
        provisioning=values["paths", "provisioning"],
        address=values["server", "http_addr"],
        port=int(values["server", "http_port"]),
        root_url=values["server", "root_url"].rstrip("/"),
        admin_user=values["security", "admin_user"],
        admin_password=values["security", "admin_password"],
        admin_email=values["security", "admin_email"],
        allow_embedding=flag("security", "allow_embedding"),
        cookie_secure=flag("security", "cookie_secure"),
        allow_sign_up=flag("users", "allow_sign_up"),
        new_user_role=_role("users.auto_assign_org_role", values["users", "auto_assign_org_role"]),
        theme="light" if values["users", "default_theme"] == "light" else "dark",
        login_form=not flag("auth", "disable_login_form"),
        basic_auth=flag("auth.basic", "enabled"),
        anonymous_role=anonymous_role if flag("auth.anonymous", "enabled") else "",
        home_dashboard=values["dashboards", "default_home_dashboard_path"],
        min_refresh=values["dashboards", "min_refresh_interval"],
        proxy_timeout_s=float(values["dataproxy", "timeout"]),
    )


def _role(name: str, text: str) -> str:
    if text not in ROLES:
        raise ValueError(f'{name}: expected one of {", ".join(ROLES)}, got "{text}"')
    return text


def _values(ini: str, environ: Mapping[str, str], read: ReadFile) -> dict[tuple[str, str], str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False, inline_comment_prefixes=None)
    # Keys before the first section (app_mode, instance_name) are allowed there.
    parser.read_string(f"[DEFAULT]\n{ini}")
    found = {}
    for (section, key), default in _DEFAULTS.items():
        text = parser.get(section, key, fallback=default)
        name = variable(section, key)
        if f"{name}__FILE" in environ:
            text = read(environ[f"{name}__FILE"]).strip()
        text = environ.get(name, text)
        found[section, key] = interpolate_setting(text.strip().strip('"'), environ, read)
    return found


def variable(section: str, key: str) -> str:
    """Name of the environment variable of one setting: GF_AUTH_ANONYMOUS_ENABLED of `enabled` in `[auth.anonymous]`."""
    return "GF_" + re.sub(r"[.-]", "_", f"{section}_{key}").upper()
