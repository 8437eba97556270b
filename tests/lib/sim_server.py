"""A simulated server under test: a program that serves on a free port and says where, ended by its own pid."""
import http.client
import json
import signal
import ssl
import subprocess
from urllib.parse import urlsplit

TIMEOUT_S = 60


class SimServer:
    def __init__(self, *command, ca_file=None):
        self.context = ssl.create_default_context(cafile=ca_file) if ca_file else None
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line, f"it does not serve: {self.process.wait()}"
        self.url = json.loads(line)["url"]
        self.port = json.loads(line)["port"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(TIMEOUT_S)
        finally:
            self.process.kill()
            self.process.stdout.close()

    def connect(self, timeout_s=TIMEOUT_S):
        host = urlsplit(self.url).hostname
        if self.context:
            return http.client.HTTPSConnection(host, self.port, timeout=timeout_s, context=self.context)
        return http.client.HTTPConnection(host, self.port, timeout=timeout_s)

    def request(self, method, path, body=None, headers=None, timeout_s=TIMEOUT_S):
        """Status, headers and body; what breaks is raised."""
        connection = self.connect(timeout_s)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def get(self, path, timeout_s=TIMEOUT_S):
        return self.request("GET", path, timeout_s=timeout_s)

    # ---- administration ----

    def admin(self, path, value=None):
        """POSTs the value, or GETs without one; the reply's JSON."""
        method, body = ("GET", None) if value is None else ("POST", json.dumps(value))
        status, _, reply = self.request(method, "/admin/" + path, body)
        assert status == 200, (path, status, reply)
        return json.loads(reply)

    def rules(self, rules):
        self.admin("rules", rules)
