"""Serves each caller its own user-data, known by its address, as clouds do at 169.254.169.254.

Documents lie in /srv/metadata/<address>.json; an empty one is one of an instance that is gone.
"""

import json
import os
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS = "169.254.169.254"
DOCUMENTS = "/srv/metadata"
# NoCloud's own, then those of the clouds.
PREFIXES = ("/nocloud", "", "/latest", "/v1", "/metadata/v1", "/hetzner/v1")
LEAVES = {
    "user-data": "user_data",
    "userdata": "user_data",
    "meta-data": "meta_data",
    "metadata": "meta_data",
    "vendor-data": "vendor_data",
    "instance-id": "instance_id",
    "instanceid": "instance_id",
    "id": "instance_id",
    "hostname": "hostname",
    "metadata/instance-id": "instance_id",
    "metadata/hostname": "hostname",
    "meta-data/instance-id": "instance_id",
    "meta-data/local-hostname": "hostname",
}
PATHS = {
    f"{prefix}/{leaf}": key for prefix in PREFIXES for leaf, key in LEAVES.items()
}


def document(address):
    try:
        with open(os.path.join(DOCUMENTS, address + ".json"), encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        key = PATHS.get(self.path.split("?")[0].rstrip("/"))
        found = document(self.client_address[0])
        if key is None or found is None:
            self.send_error(404)
            return
        body = found[key].encode("utf-8")
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    subprocess.run(
        ["ip", "address", "replace", ADDRESS + "/32", "dev", "eth0"], check=True
    )
    ThreadingHTTPServer((ADDRESS, 80), Handler).serve_forever()
