# SPDX-License-Identifier: Apache-2.0
"""An x5u server that breaks one rule per path. usage: FILE CERT KEY"""
import http.server
import ssl
import sys
import time

chain = open(sys.argv[1], "rb").read()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "/right")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path == "/slow":
            time.sleep(15)
        body = chain * 200 if self.path in ("/big", "/endless") else chain
        kind = "application/pem-certificate-chain"
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Type",
                         "text/plain" if self.path == "/type" else kind)
        if self.path != "/endless":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass  # the verifier has had enough


server = http.server.ThreadingHTTPServer(("127.0.0.1", 8443), Handler)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(sys.argv[2], sys.argv[3])
server.socket = tls.wrap_socket(server.socket, server_side=True)
server.serve_forever()
