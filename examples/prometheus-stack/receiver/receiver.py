"""Takes what Alertmanager sends to a webhook, prints it, and shows the newest on a page and as JSON."""

import json
from collections import deque
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Alerts</title>
<style>body{font-family:sans-serif;margin:2em} td,th{text-align:left;padding:.3em 1em} .firing{color:#c00} .resolved{color:#080}</style>
<h1>Alerts received</h1><table><tr><th>State<th>Alert<th>Summary<th>Since</tr>%s</table></html>"""
ROW = '<tr><td class="{0}">{0}<td>{1}<td>{2}<td>{3}</tr>'

received = deque(maxlen=200)


def row(alert):
    summary = alert["annotations"].get("summary", "")
    return ROW.format(*map(escape, (alert["status"], alert["labels"]["alertname"], summary, alert["startsAt"][:19])))


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for alert in message["alerts"]:
            received.appendleft(alert)
            print(alert["status"], alert["labels"], alert["annotations"].get("summary", ""), flush=True)
        self.answer("text/plain", "")

    def do_GET(self):
        if self.path == "/alerts":
            self.answer("application/json", json.dumps(list(received)))
        else:
            self.answer("text/html; charset=utf-8", PAGE % "".join(map(row, list(received))))

    def answer(self, kind, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


ThreadingHTTPServer(("", 8000), Receiver).serve_forever()
