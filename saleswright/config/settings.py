"""Django settings: everything that differs between installations comes from `env.py`."""

import os
from pathlib import Path
from typing import Any

from csp.constants import NONCE, NONE, SELF, UNSAFE_INLINE

from saleswright.config.env import ROOT, Environment, database, kept_secret, redis_of_worker

ENV = Environment()
BASE_DIR = ROOT
VAR_DIR = ENV.var_dir
TESTING = "PYTEST_VERSION" in os.environ

DEBUG = ENV.debug
SECRET_KEY = ENV.secret_key or kept_secret(VAR_DIR)
ALLOWED_HOSTS = [*ENV.allowed_hosts, *(["testserver"] if TESTING else [])]
CSRF_TRUSTED_ORIGINS = ENV.csrf_trusted_origins

MODULES = (
    "org",
    "work",
    "notices",
    "pool",
    "catalog",
    "customers",
    "pricing",
    "market",
    "leads",
    "pipeline",
    "visits",
    "sales",
    "fulfilment",
    "receivables",
    "service",
    "insight",
    "targets",
    "analytics",
    "privacy",
    "integration",
)
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "saleswright.kernel",
    "saleswright.interface",
    *(
        f"saleswright.modules.{name}"
        for name in MODULES
        if (ROOT / "saleswright" / "modules" / name / "apps.py").exists()
    ),
    "saleswright.integrations",
    "saleswright.integrations.mail_server",
    "saleswright.integrations.workplace",
]
MIDDLEWARE = [
    *(["saleswright.interface.middleware.ProxyMiddleware"] if ENV.https else []),
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "saleswright.interface.middleware.FaultMiddleware",
    "saleswright.interface.middleware.LimitMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "saleswright.interface.middleware.PersonMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "saleswright.config.urls"
WSGI_APPLICATION = "saleswright.config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "environment": "saleswright.interface.jinja.environment",
            "context_processors": ["saleswright.interface.jinja.shell"],
        },
    },
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {}},
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

_url = os.environ.get("TEST_DATABASE_URL") or ENV.database_url if TESTING else ENV.database_url
DATABASES = {"default": database(_url, VAR_DIR)}
_test_name = os.environ.get("TEST_DB_NAME") or (":memory:" if "sqlite" in DATABASES["default"]["ENGINE"] else "")
if _test_name:
    DATABASES["default"]["TEST"] = {"NAME": _test_name}
DATABASE_ROUTERS: list[str] = []
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SQLITE = "sqlite" in DATABASES["default"]["ENGINE"]

CACHES: dict[str, dict[str, Any]]
if ENV.redis_url:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": redis_of_worker(ENV.redis_url, os.environ.get("PYTEST_XDIST_WORKER", "")),
        }
    }
    SESSION_ENGINE = "saleswright.kernel.access.cached_session_store"
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "OPTIONS": {"MAX_ENTRIES": 10_000},
        }
    }
    # a cache of this process would go on to know sessions that were ended in another one
    SESSION_ENGINE = "saleswright.kernel.access.session_store"

AUTH_USER_MODEL = "kernel.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "saleswright.kernel.access.backend.PersonBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "saleswright.interface.pages.session.locked_out"
AXES_VERBOSE = False
AXES_DISABLE_ACCESS_LOG = True
API_LIMIT = ENV.api_limit  # requests of one token a minute
WEBHOOK_ALLOWED_NETWORKS = ENV.webhook_allowed_networks  # that webhooks may reach besides the public internet
SITE_URL = ENV.site_url.rstrip("/") or f"http://localhost:{os.environ.get('PORT') or 8000}"  # for links in messages
EMAIL_HOST = ENV.mail_host
EMAIL_PORT = ENV.mail_port or {"starttls": 587, "tls": 465, "none": 25}[ENV.mail_security]
EMAIL_USE_TLS = ENV.mail_security == "starttls"
EMAIL_USE_SSL = ENV.mail_security == "tls"
EMAIL_HOST_USER = ENV.mail_user
EMAIL_HOST_PASSWORD = ENV.mail_password
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = ENV.mail_from
MAIL_REPLY_TO = ENV.mail_reply_to
OIDC_ISSUER = ENV.oidc_issuer.rstrip("/")
OIDC_CLIENT_ID = ENV.oidc_client_id
OIDC_CLIENT_SECRET = ENV.oidc_client_secret
OIDC_SCOPES = ENV.oidc_scopes
OIDC_CLAIM = ENV.oidc_claim
OIDC_FIELD = ENV.oidc_field
OIDC_NAME = ENV.oidc_name
# where the workplace programs are asked: others for private deployments
WECOM_API, WECOM_OPEN, WECOM_LOGIN = ENV.wecom_api, ENV.wecom_open, ENV.wecom_login
DINGTALK_API, DINGTALK_OAPI, DINGTALK_LOGIN = ENV.dingtalk_api, ENV.dingtalk_oapi, ENV.dingtalk_login

LANGUAGE_CODE = ENV.language_code
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [ROOT / "locale"]
TIME_ZONE = ENV.time_zone
CURRENCY = ENV.currency
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [("saleswright", ROOT / "static" / "saleswright")]
STATICFILES_FINDERS = [
    "saleswright.interface.assets.PackageFinder",
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
]
STATIC_ROOT = VAR_DIR / "static"
MEDIA_ROOT = VAR_DIR / "media"
PREVIEW_ROOT = VAR_DIR / "previews"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEBUG or TESTING
            else "saleswright.interface.assets.PackedStorage"
        )
    },
}
WHITENOISE_USE_FINDERS = DEBUG or TESTING
WHITENOISE_MAX_AGE = 31_536_000

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000
UPLOAD_LIMIT = 50 * 1024 * 1024

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENV.https
SECURE_SSL_REDIRECT = ENV.https
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENV.https else None
SECURE_HSTS_SECONDS = 31_536_000 if ENV.https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = ENV.https
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "style-src-attr": [UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
    },
}
SILENCED_SYSTEM_CHECKS = ["fields.W342"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"saleswright": {"level": "INFO"}, "django.request": {"level": "ERROR"}},
}
FIXTURE_DIRS: list[Path] = []
