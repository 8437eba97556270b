"""A source of rates under test: the program teller-rates on a free port, ended by its own pid.

    with RateSource(program, csv_path, "--today", "2026-04-10") as source:
        source.rules([{"path": "daily", "do": "zero", "currency": "USD"}])
        status, headers, body = source.get(ECB_DAILY)
        source.log()                              # what was asked, in order
"""
import http.client
import json
import signal
import ssl
import subprocess
from urllib.parse import urlsplit

ECB_DAILY = "/stats/eurofxref/eurofxref-daily.xml"
ECB_90_DAYS = "/stats/eurofxref/eurofxref-hist-90d.xml"
ECB_HISTORY = "/stats/eurofxref/eurofxref-hist.xml"
ECB_CSV = "/stats/eurofxref/eurofxref-hist.csv"
KOREAEXIM = "/site/program/financial/exchangeJSON?authkey=test&searchdate={}&data=AP01"

TIMEOUT_S = 60


class RateSource:
    def __init__(self, program, csv, *options, ca_file=None, prefix=()):
        """prefix: words between the program and its options."""
        self.context = ssl.create_default_context(cafile=ca_file) if ca_file else None
        self.process = subprocess.Popen([str(program), *prefix, "--csv", str(csv), *map(str, options)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
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

    def request(self, method, path, body=None, timeout_s=TIMEOUT_S):
        """Status, headers and body; what breaks is raised."""
        connection = self.connect(timeout_s)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def get(self, path, timeout_s=TIMEOUT_S):
        return self.request("GET", path, timeout_s=timeout_s)

    def rules(self, rules):
        status, _, body = self.request("POST", "/admin/rules", json.dumps(rules))
        assert status == 200, body

    def day(self, today):
        """The newest day to serve from now on; None: the newest there is."""
        status, _, body = self.request("POST", "/admin/day", json.dumps({"today": today}))
        assert status == 200, body

    def log(self):
        return json.loads(self.get("/admin/log")[2])["requests"]
