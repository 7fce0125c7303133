"""What the operator may set: the environment or `.env`, read once."""

from __future__ import annotations

import os
import secrets
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent.parent


class Environment(BaseSettings):
    """The settings of one installation; every name is an environment variable."""

    model_config = SettingsConfigDict(env_file=ROOT / ".env", extra="ignore")

    database_url: str = ""
    redis_url: str = ""
    secret_key: str = ""
    allowed_hosts: Annotated[list[str], NoDecode] = ["localhost", "127.0.0.1", "[::1]"]
    csrf_trusted_origins: Annotated[list[str], NoDecode] = []
    language_code: str = "zh-hans"
    time_zone: str = "Asia/Shanghai"
    currency: str = "CNY"
    debug: bool = False
    https: bool = False
    api_limit: int = 12_000
    webhook_allowed_networks: Annotated[list[IPv4Network | IPv6Network], NoDecode] = []
    site_url: str = ""
    mail_host: str = ""
    mail_port: int = 0
    mail_security: Literal["starttls", "tls", "none"] = "starttls"
    mail_user: str = ""
    mail_password: str = ""
    mail_from: str = ""
    mail_reply_to: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_scopes: str = "openid profile email"
    oidc_claim: str = "preferred_username"
    oidc_field: Literal["username", "email"] = "username"
    oidc_name: str = ""
    wecom_api: str = "https://qyapi.weixin.qq.com"
    wecom_open: str = "https://open.weixin.qq.com"
    wecom_login: str = "https://login.work.weixin.qq.com"
    dingtalk_api: str = "https://api.dingtalk.com"
    dingtalk_oapi: str = "https://oapi.dingtalk.com"
    dingtalk_login: str = "https://login.dingtalk.com"
    var_dir: Path = ROOT / "var"

    @field_validator("allowed_hosts", "csrf_trusted_origins", "webhook_allowed_networks", mode="before")
    @classmethod
    def split_commas(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def database(url: str, var_dir: Path) -> dict[str, Any]:
    """Django's DATABASES entry for a database address.

    Raises ValueError for a scheme other than sqlite and postgresql.
    """
    url = url or f"sqlite:///{var_dir / 'saleswright.sqlite3'}"
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = unquote(url.removeprefix("sqlite:///"))
        return {
            "ENGINE": "saleswright.kernel.sqlite",
            "NAME": path,
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": (
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
                    "PRAGMA cache_size=-32000; PRAGMA temp_store=MEMORY; PRAGMA busy_timeout=20000;"
                ),
            },
        }
    if parts.scheme in {"postgres", "postgresql"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "OPTIONS": {
                "pool": {"min_size": 1, "max_size": 12, "timeout": 20},
                "options": "-c jit=off",  # it compiles for longer than our statements run
                **dict(parse_qsl(parts.query)),
            },
        }
    raise ValueError(f"DATABASE_URL: unknown kind of database {parts.scheme!r}; use sqlite:/// or postgresql://")


def redis_of_worker(url: str, worker: str) -> str:
    """The address for one of several test workers (`gw0`, `gw1` …): emptying a cache empties its whole database."""
    number = url.rpartition("/")[2]
    if not worker or not number.isdigit():
        return url
    return f"{url.removesuffix(number)}{int(number) + 1 + int(worker.removeprefix('gw'))}"


def kept_secret(var_dir: Path) -> str:
    """A secret key made once and kept in `var/`, for installations that set none."""
    path = var_dir / "secret-key"
    if not path.exists():
        var_dir.mkdir(parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(50))
        except FileExistsError:
            pass
    return path.read_text()
