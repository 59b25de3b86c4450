// A server with two endpoints: `/` needs a session, `/sensitive` needs a second factor and a sign-in in the last 5 minutes.
// POSTERN_URL is the address of Postern, POSTERN_ISSUER its APP_URL if that differs.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	url := setting("POSTERN_URL", "http://localhost:8787")
	verifier := &Verifier{URL: url, Issuer: setting("POSTERN_ISSUER", url)}

	protected := func(needs Needs) http.HandlerFunc {
		return func(response http.ResponseWriter, request *http.Request) {
			scheme, token, _ := strings.Cut(request.Header.Get("Authorization"), " ")
			if !strings.EqualFold(scheme, "Bearer") {
				token = ""
			}
			session, err := verifier.Verify(strings.TrimSpace(token), needs)
			var refused Refused
			if errors.As(err, &refused) {
				send(response, refused.Status, map[string]any{"code": refused.Code})
				return
			}
			send(response, 200, map[string]any{"user_id": session.UserID, "role": session.Role, "tier": session.Tier})
		}
	}
	http.HandleFunc("/", protected(Needs{}))
	http.HandleFunc("/sensitive", protected(Needs{Level: 2, MaxAge: 5 * time.Minute}))

	listener, err := net.Listen("tcp", "localhost:"+setting("PORT", "3000"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Listening on http://localhost:%d\n", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, nil))
}

func send(response http.ResponseWriter, status int, body any) {
	response.Header().Set("Content-Type", "application/json")
	response.WriteHeader(status)
	_ = json.NewEncoder(response).Encode(body)
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
