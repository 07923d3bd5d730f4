"""The layout of the sandbox's pages: plain HTML, one style sheet, no script."""

from __future__ import annotations

from html import escape

from sandbox.server.http_server import Response

POLICY = "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'self'"
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #8886; vertical-align: top; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #8881; padding: 1rem; }
iframe { width: 100%; height: 28rem; border: 1px solid #8886; background: #fff; }
button { font: inherit; padding: .4rem 1.2rem; margin-right: .5rem; }
dt { font-weight: 600; }
"""


def page(title: str, content: str, status: int = 200) -> Response:
    """A page. `content` is HTML with escaped values."""
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="/_sandbox/style.css"></head>'
        f"<body><main><h1>{escape(title)}</h1>{content}</main></body></html>"
    )
    headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return Response.of_html(text, status, headers)


def style_sheet() -> Response:
    return Response(200, STYLE.encode(), {"Content-Type": "text/css; charset=utf-8"})
