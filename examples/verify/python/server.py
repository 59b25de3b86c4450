"""A server with two endpoints: `/` needs a session, `/sensitive` needs a second factor and a sign-in in the last 5 minutes.

POSTERN_URL is the address of Postern, POSTERN_ISSUER its APP_URL if that differs.
"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from verify import Refused, Verifier

POSTERN_URL = os.environ.get("POSTERN_URL", "http://localhost:8787")
verifier = Verifier(POSTERN_URL, os.environ.get("POSTERN_ISSUER"))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise Refused(401, "invalid_token")
            needs = {"min_level": 2, "max_age": 300} if self.path == "/sensitive" else {}
            claims = verifier.verify(token.strip(), **needs)
            role, tier = claims["scopes"]
            self.respond(200, {"user_id": claims["sub"], "role": role, "tier": tier})
        except Refused as refused:
            self.respond(refused.status, {"code": refused.code})

    def respond(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("localhost", int(os.environ.get("PORT", "3000"))), Handler)
print(f"Listening on http://localhost:{server.server_port}", flush=True)
server.serve_forever()
