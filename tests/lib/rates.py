"""A source of rates under test: the program teller-rates on a free port, ended by its own pid.

    with RateSource(program, csv_path, "--today", "2026-04-10") as source:
        source.rules([{"path": "daily", "do": "zero", "currency": "USD"}])
        status, headers, body = source.get(ECB_DAILY)
        source.log()                              # what was asked, in order
"""
from sim_server import SimServer

ECB_DAILY = "/stats/eurofxref/eurofxref-daily.xml"
ECB_90_DAYS = "/stats/eurofxref/eurofxref-hist-90d.xml"
ECB_HISTORY = "/stats/eurofxref/eurofxref-hist.xml"
ECB_CSV = "/stats/eurofxref/eurofxref-hist.csv"
KOREAEXIM = "/site/program/financial/exchangeJSON?authkey=test&searchdate={}&data=AP01"


class RateSource(SimServer):
    def __init__(self, program, csv, *options, ca_file=None, prefix=()):
        """prefix: words between the program and its options."""
        super().__init__(program, *prefix, "--csv", csv, *options, ca_file=ca_file)

    def day(self, today):
        """The newest day to serve from now on; None: the newest there is."""
        self.admin("day", {"today": today})

    def log(self):
        return self.admin("log")["requests"]
