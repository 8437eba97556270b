"""Part of the demo: a subscriber that is told of events by webhook. It is down for the first two posts; then it takes every
event, checks each signature as docs/EVENTS.md tells, and that positions rise. demo_webhook.py SECRET_FILE URL_FILE

Prints a line for the first posts, and one for each that is wrong; on SIGTERM the last events and a summary. Exits with 1
when anything was wrong."""
import hashlib
import hmac
import http.server
import json
import os
import signal
import sys
import threading
from pathlib import Path

SECRET = Path(sys.argv[1]).read_bytes().strip()
DOWN = 2  # posts
SHOWN = 4  # events, at the end


class Subscriber:
    def __init__(self):
        self.posts = self.wrong = 0
        self.last = {}  # partition -> position
        self.taken = []

    def take(self, headers, body):
        self.posts += 1
        time_s = headers["Teller-Timestamp"].encode()
        right = "v1=" + hmac.new(SECRET, time_s + b"." + body, hashlib.sha256).hexdigest()
        event = json.loads(body)
        is_valid = hmac.compare_digest(right, headers["Teller-Signature"])
        is_next = event["position"] > self.last.get(event["partition"], 0)
        if not is_valid or not is_next:
            self.wrong += 1
            print(f"  {headers['Teller-Event']} is wrong: signature {is_valid}, order {is_next}")
        status = 503 if self.posts <= DOWN else 204
        if self.posts <= DOWN + 1:
            print(f"  post {self.posts}: event {headers['Teller-Event']}, answered with {status}")
        if status == 204:
            self.last[event["partition"]] = event["position"]
            self.taken.append(event)
        return status

    def report(self):
        print("  …")
        for event in self.taken[-SHOWN:]:
            who = event["account"] or f"{event['from_account']} -> {event['to_account']}"
            print(f"  {event['partition']}:{event['position']:<6} {event['kind']:<13} "
                  f"{event['amount'] or '':>8} {event['currency'] or '':<4} {who}")
        print(f"  {len(self.taken)} events, each partition's in order, "
              f"{'every signature valid' if self.wrong == 0 else f'{self.wrong} wrong'}")
        return 0 if self.wrong == 0 and self.taken else 1


subscriber = Subscriber()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        status = subscriber.take(self.headers, self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
Path(sys.argv[2] + ".new").write_text(f"http://127.0.0.1:{server.server_port}/events", encoding="utf-8")
os.rename(sys.argv[2] + ".new", sys.argv[2])
signal.sigwait({signal.SIGTERM})
sys.exit(subscriber.report())
