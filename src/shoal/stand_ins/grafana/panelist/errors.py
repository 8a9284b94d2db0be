"""What goes wrong in a request, with the HTTP status that says so."""

from typing import Any


class ApiError(Exception):
    """A request that can't be served. `extra` goes into the JSON beside `message`."""

    def __init__(self, status: int, message: str, /, **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.extra = extra


def bad_request(message: str) -> ApiError:
    """400"""
    return ApiError(400, message)


def not_found(what: str) -> ApiError:
    """404"""
    return ApiError(404, f"{what} not found")
