"""Company sign-on by OpenID Connect: authorisation code with PKCE, state and nonce, by Authlib.

The provider says who somebody is; whether they work here is looked up, and nobody is made.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.django_client import OAuth
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from joserfc.errors import JoseError
from requests import RequestException

from saleswright.interface.pages.session import destination_of, door, go_on, note_refusal
from saleswright.kernel.access.company_account import employee_for, is_strong
from saleswright.kernel.errors import NotAllowed, NotFound
from saleswright.kernel.models import SignInMethod

log = logging.getLogger("saleswright.pages")
NEXT = "company_next"
SECONDS = 10  # that the provider may take to answer
#: what can be wrong with the provider, its answers and its tokens
FAULTS = (AuthlibBaseError, JoseError, RequestException, RuntimeError, ValueError, KeyError)


@functools.cache
def provider() -> Any:
    """The company's identity provider; what it says of itself is read once. Raises NotFound where there is none."""
    if not settings.OIDC_ISSUER:
        raise NotFound
    return OAuth().register(
        "company",
        server_metadata_url=f"{settings.OIDC_ISSUER}/.well-known/openid-configuration",
        client_id=settings.OIDC_CLIENT_ID,
        client_secret=settings.OIDC_CLIENT_SECRET,
        client_kwargs={
            "scope": settings.OIDC_SCOPES,
            "code_challenge_method": "S256",
            "default_timeout": SECONDS,
        },
    )


@never_cache
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """Send the person to the company's identity provider."""
    found, destination = provider(), destination_of(request)
    try:
        if found.load_server_metadata()["issuer"].rstrip("/") != settings.OIDC_ISSUER:
            raise ValueError("the provider calls itself something else than OIDC_ISSUER")
        response = found.authorize_redirect(request, request.build_absolute_uri(reverse("sign-in-company-back")))
    except FAULTS as fault:
        log.warning("company sign-on: %r", fault)
        return door(request, destination, _("The company sign-on can't be reached. Try again, or use your password."))
    request.session[NEXT] = destination
    return response


@never_cache
@require_GET
def finish(request: HttpRequest) -> HttpResponse:
    """Take the person back from the provider: let them in if they are an employee who works here."""
    found, destination = provider(), request.session.pop(NEXT, "/")
    try:
        claims = _claims(found, request)
    except FAULTS as fault:
        log.warning("company sign-on: %r", fault)
        note_refusal(request, None, _("Company account"))
        return door(request, destination, _("The company sign-on did not work. Please try again."))
    user = employee_for(claims)
    if user is None:
        note_refusal(request, None, str(claims.get(settings.OIDC_CLAIM, claims["sub"])))
        refusal = NotAllowed()
        text = _("Nobody who works here has this company account. Ask an administrator.")
        return door(request, destination, text, refusal=refusal)
    return go_on(request, user, SignInMethod.COMPANY, destination, strong=is_strong(claims))


def _claims(found: Any, request: HttpRequest) -> Mapping[str, Any]:
    """What the provider says of the person, checked: signature, issuer, audience, times, nonce, state.

    What the token leaves out is asked for.
    """
    expected = {
        "iss": {"essential": True, "value": found.load_server_metadata()["issuer"]},
        "aud": {"essential": True, "value": settings.OIDC_CLIENT_ID},
    }
    token = found.authorize_access_token(request, claims_options=expected)
    claims = token["userinfo"]
    if settings.OIDC_CLAIM in claims:
        return claims
    more = found.userinfo(token=token)
    if more.get("sub") != claims["sub"]:
        raise ValueError("the provider tells of somebody else")
    return {**more, **claims}
