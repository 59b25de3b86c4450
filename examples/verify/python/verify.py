"""Verifies Postern's session tokens with its public keys."""

import time

import jwt

ALGORITHMS = ("EdDSA", "ES256")


class Refused(Exception):
    """Why a request is refused. `status` is 401, or 503 if the keys cannot be fetched."""

    def __init__(self, status, code):
        super().__init__(code)
        self.status = status
        self.code = code


class Verifier:
    """Verifies tokens. Create one and keep it, because it caches the keys.

    `url` is the address of Postern, `issuer` its APP_URL if that differs.
    """

    def __init__(self, url, issuer=None):
        self.issuer = issuer or url
        # The keys are fetched again after 10 minutes, and for an unknown key, but then at most once in 30 seconds. The
        # default user agent of Python is blocked by many sites behind Cloudflare.
        self.keys = jwt.PyJWKClient(
            f"{url}/api/auth/jwks",
            lifespan=600,
            cooldown_duration=30,
            timeout=5,
            headers={"User-Agent": "postern-verifier"},
        )

    def verify(self, token, min_level=1, max_age=None):
        """Returns the claims of a session token: `sub` is the user, `scopes` are the role and the tier.

        `min_level=2` requires two factors or a passkey. `max_age` is how long ago the user may have signed in or
        confirmed who they are, in seconds.
        """
        try:
            header = jwt.get_unverified_header(token)
            key = self._key(header.get("kid"))
            if header.get("typ") != "JWT" or key.algorithm_name not in ALGORITHMS:
                raise Refused(401, "invalid_token")
            claims = jwt.decode(
                token,
                key,
                # The key decides on the algorithm, not the token.
                algorithms=[key.algorithm_name],
                issuer=self.issuer,
                audience=self.issuer,
                leeway=5,
                options={"require": ["exp", "iat", "sub", "sid", "scopes"]},
            )
        except jwt.PyJWTError as error:
            raise Refused(401, "invalid_token") from error
        if claims.get("purpose") != "session":
            raise Refused(401, "invalid_token")

        level = 2 if claims.get("acr") == "2" else 1
        is_recent = max_age is None or time.time() - claims.get("auth_time", 0) <= max_age
        if level < min_level or not is_recent:
            raise Refused(401, "insufficient_user_authentication")
        return claims

    def _key(self, kid):
        # `get_signing_key` waits while another thread fetches the keys, also for a key that is cached.
        cached = self.keys.jwk_set_cache.get()
        known = self.keys.match_kid(cached.keys, kid) if isinstance(cached, jwt.PyJWKSet) else None
        if known:
            return known
        try:
            return self.keys.get_signing_key(kid)
        except (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError, ValueError) as error:
            raise Refused(503, "unavailable") from error
