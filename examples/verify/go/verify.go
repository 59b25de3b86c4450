package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Refused says why a request is refused. Status is 401, or 503 if the keys cannot be fetched.
type Refused struct {
	Status int
	Code   string
}

func (refused Refused) Error() string { return refused.Code }

var invalid = Refused{401, "invalid_token"}

// Session is a verified session.
type Session struct {
	UserID, SessionID, Role string
	Tier, Level             int
}

// Needs is what a session must have. Level 2: two factors or a passkey. MaxAge: how long ago the user may have signed in or confirmed
// who they are. Zero values require nothing.
type Needs struct {
	Level  int
	MaxAge time.Duration
}

// Verifier verifies Postern's session tokens with its public keys. Keep one, because it caches the keys.
type Verifier struct {
	URL    string // The address of Postern.
	Issuer string // Postern's APP_URL.

	mutex   sync.Mutex // For the two below.
	keys    map[string]key
	fetched time.Time

	fetching sync.Mutex // One request fetches the keys. Those whose key is known do not wait for it.
	asked    time.Time  // When the last fetch ended,
	failure  error      // and how.
}

// key is a public key with the only algorithm that it is for.
type key struct {
	algorithm string
	verify    func(message, signature []byte) bool
}

const (
	keysLifetime = 10 * time.Minute // Then the keys are fetched again,
	cooldown     = 30 * time.Second // and for an unknown key, but at most once in this time.
	clockSkew    = 5 * time.Second
)

// Verify returns the session of a token, or Refused.
func (verifier *Verifier) Verify(token string, needs Needs) (*Session, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, invalid
	}
	var header struct {
		Alg, Kid, Typ string
		Crit          json.RawMessage
	}
	signature, err := decode(parts[2])
	if err != nil || decodeJSON(parts[0], &header) != nil || header.Typ != "JWT" || header.Crit != nil {
		return nil, invalid
	}
	key, err := verifier.key(header.Kid)
	if err != nil {
		return nil, err
	}
	// The key decides on the algorithm, not the token.
	if header.Alg != key.algorithm || !key.verify([]byte(parts[0]+"."+parts[1]), signature) {
		return nil, invalid
	}

	var claims struct {
		Iss, Aud, Sub, Sid, Purpose, Acr string
		Exp, Iat                         *int64
		Nbf                              int64
		AuthTime                         int64 `json:"auth_time"`
		Scopes                           []json.RawMessage
	}
	if decodeJSON(parts[1], &claims) != nil || claims.Exp == nil || claims.Iat == nil || len(claims.Scopes) != 2 {
		return nil, invalid
	}
	now := time.Now()
	session := &Session{UserID: claims.Sub, SessionID: claims.Sid, Level: 1}
	switch {
	case claims.Iss != verifier.Issuer, claims.Aud != verifier.Issuer, claims.Purpose != "session",
		claims.Sub == "", claims.Sid == "",
		!now.Before(time.Unix(*claims.Exp, 0).Add(clockSkew)), now.Before(time.Unix(claims.Nbf, 0).Add(-clockSkew)),
		json.Unmarshal(claims.Scopes[0], &session.Role) != nil, json.Unmarshal(claims.Scopes[1], &session.Tier) != nil:
		return nil, invalid
	}

	if claims.Acr == "2" {
		session.Level = 2
	}
	age := now.Sub(time.Unix(claims.AuthTime, 0))
	if session.Level < needs.Level || (needs.MaxAge > 0 && age > needs.MaxAge) {
		return nil, Refused{401, "insufficient_user_authentication"}
	}
	return session, nil
}

// key returns a public key by its id.
func (verifier *Verifier) key(id string) (key, error) {
	if known, isKnown, _ := verifier.cached(id); isKnown {
		return known, nil
	}
	began := time.Now()
	verifier.fetching.Lock()
	defer verifier.fetching.Unlock()
	known, isKnown, age := verifier.cached(id)
	// If another request has fetched them meanwhile, its result counts.
	if !isKnown && age > cooldown && verifier.asked.Before(began) {
		keys, err := fetchKeys(verifier.URL + "/api/auth/jwks")
		verifier.asked, verifier.failure = time.Now(), err
		if err == nil {
			verifier.mutex.Lock()
			verifier.keys, verifier.fetched = keys, time.Now()
			verifier.mutex.Unlock()
		}
		known, isKnown, _ = verifier.cached(id)
	}
	switch {
	case isKnown:
		return known, nil
	case verifier.failure != nil:
		return key{}, Refused{503, "unavailable"}
	}
	return key{}, invalid
}

// cached returns a key that was fetched in the last 10 minutes, and how long ago that was.
func (verifier *Verifier) cached(id string) (key, bool, time.Duration) {
	verifier.mutex.Lock()
	defer verifier.mutex.Unlock()
	known, isKnown := verifier.keys[id]
	age := time.Since(verifier.fetched)
	return known, isKnown && age <= keysLifetime, age
}

func fetchKeys(url string) (map[string]key, error) {
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s responded with %s", url, response.Status)
	}
	var set struct {
		Keys []struct{ Kid, Alg, Crv, X, Y string }
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 64<<10)).Decode(&set); err != nil {
		return nil, err
	}
	keys := map[string]key{}
	for _, jwk := range set.Keys {
		x, xErr := decode(jwk.X)
		y, yErr := decode(jwk.Y)
		switch {
		case xErr != nil || yErr != nil:
		case jwk.Alg == "EdDSA" && jwk.Crv == "Ed25519" && len(x) == ed25519.PublicKeySize:
			keys[jwk.Kid] = key{jwk.Alg, func(message, signature []byte) bool {
				return ed25519.Verify(x, message, signature)
			}}
		case jwk.Alg == "ES256" && jwk.Crv == "P-256":
			public := ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y)}
			if !public.Curve.IsOnCurve(public.X, public.Y) {
				continue
			}
			keys[jwk.Kid] = key{jwk.Alg, func(message, signature []byte) bool {
				if len(signature) != 64 {
					return false
				}
				hash := sha256.Sum256(message)
				r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
				return ecdsa.Verify(&public, hash[:], r, s)
			}}
		}
	}
	return keys, nil
}

func decode(text string) ([]byte, error) { return base64.RawURLEncoding.Strict().DecodeString(text) }

func decodeJSON(text string, into any) error {
	content, err := decode(text)
	if err != nil {
		return err
	}
	return json.Unmarshal(content, into)
}
