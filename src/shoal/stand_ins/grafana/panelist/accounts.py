"""Who may do what: users with passwords and sessions, service accounts with tokens."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import ApiError, bad_request
from .passwords import hash_password, hash_token, is_password, new_token
from .settings import ROLES, Settings
from .store import Row, Store

SESSION_S = 30 * 86_400
_CHECKED_S = 300.0
_MOST_CHECKED = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a request. `role`: "" for nobody; `user_id`: 0 for service accounts and who did not log in"""

    role: str = ""
    login: str = ""
    user_id: int = 0
    is_admin: bool = False
    is_anonymous: bool = False


class Accounts:
    """Users, sessions, service accounts."""

    def __init__(self, store: Store, settings: Settings, now_s: Callable[[], float]) -> None:
        self._store = store
        self._settings = settings
        self._now_s = now_s
        #: {digest of login and password: until when it need not be computed again}
        self._checked: dict[str, float] = {}

    def make_admin(self) -> None:
        """Add the first user, on a new store only: a password changed later stays."""
        if self._store.rows("SELECT 1 FROM user LIMIT 1"):
            return
        settings = self._settings
        self.add_user(settings.admin_user, settings.admin_password, role="Admin", email=settings.admin_email)
        self._store.run("UPDATE user SET is_admin = 1")

    def add_user(self, login: str, password: str, *, role: str, email: str = "", name: str = "") -> int:
        """The id of the new user. Raises: ApiError 400, 412 where the login is taken"""
        if not login:
            raise bad_request("Validation error, need specify either username or email")
        if len(password) < 4:
            raise bad_request("Password is missing or too short")
        values = {"login": login, "email": email, "name": name, "password": hash_password(password), "role": role}
        try:
            return self._store.add("user", {**values, "created": int(self._now_s())})
        except sqlite3.IntegrityError as error:
            raise ApiError(412, f"User with email '{email}' or username '{login}' already exists") from error

    def user(self, login_or_email: str) -> Row | None:
        """The user of that login or email, None where there is none."""
        found = self._store.one("user", login=login_or_email)
        return found or (self._store.one("user", email=login_or_email) if "@" in login_or_email else None)

    def check(self, login: str, password: str) -> Row | None:
        """The user where the password is right. Cost: about 50 ms, the first time in five minutes; run in a thread."""
        user = self.user(login)
        if user is None:
            return None
        key, now = hash_token(f"{user['id']}\0{user['password']}\0{password}"), self._now_s()
        if self._checked.get(key, 0.0) > now:
            return user
        if not is_password(password, user["password"]):
            return None
        if len(self._checked) >= _MOST_CHECKED:
            self._checked.clear()
        self._checked[key] = now + _CHECKED_S
        return user

    def set_password(self, user_id: int, password: str) -> None:
        """Change a password, which ends the user's sessions. Raises: ApiError 400"""
        if len(password) < 4:
            raise bad_request("New password is too short")
        self._store.change("user", user_id, {"password": hash_password(password)})
        self._store.remove("session", user_id=user_id)

    def open_session(self, user_id: int) -> str:
        """The token of a new session."""
        now = int(self._now_s())
        self._store.run("DELETE FROM session WHERE expires < ?", now)
        token = new_token()
        row = {"token": hash_token(token), "user_id": user_id, "expires": now + SESSION_S}
        self._store.run("INSERT INTO session (token, user_id, expires) VALUES (?, ?, ?)", *row.values())
        return token

    def close_session(self, token: str) -> None:
        """End a session."""
        self._store.remove("session", token=hash_token(token))

    def of_session(self, token: str) -> Caller | None:
        """Whose session it is; None where it has ended."""
        session = self._store.one("session", token=hash_token(token))
        if session is None or session["expires"] < self._now_s():
            return None
        user = self._store.one("user", id=session["user_id"])
        return caller_of_user(user) if user else None

    def of_token(self, token: str) -> Caller | None:
        """Whose API token it is; None for an unknown or expired one."""
        row = self._store.one("token", token=hash_token(token))
        if row is None or (row["expires"] is not None and row["expires"] < self._now_s()):
            return None
        account = self._store.one("account", id=row["account_id"])
        if account is None or account["disabled"]:
            return None
        return Caller(role=account["role"], login=f"sa-{account['name']}")

    def add_account(self, name: str, role: str, *, is_key: bool = False) -> int:
        """The id of the new service account. Raises: ApiError 400, 409"""
        if not name:
            raise bad_request("name is required")
        if role not in ROLES:
            raise bad_request(f"role must be one of {', '.join(ROLES)}")
        try:
            return self._store.add("account", {"name": name, "role": role, "is_key": int(is_key)})
        except sqlite3.IntegrityError as error:
            raise ApiError(409, "service account already exists") from error

    def add_token(self, account_id: int, name: str, lives_s: int) -> dict[str, Any]:
        """`{id, name, key}` of a new token; its key is not to be had again. `lives_s`: 0 = for ever"""
        if not name:
            raise bad_request("name is required")
        now, key = int(self._now_s()), new_token("glsa_")
        expires = now + lives_s if lives_s else None
        values = {"account_id": account_id, "name": name, "token": hash_token(key), "created": now, "expires": expires}
        return {"id": self._store.add("token", values), "name": name, "key": key}


def caller_of_user(user: Row) -> Caller:
    """The user as who asks."""
    return Caller(role=user["role"], login=user["login"], user_id=user["id"], is_admin=bool(user["is_admin"]))
