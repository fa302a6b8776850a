"""The Python SDK's own way to stand before a server: fastmcp's proxy, on stdio.

Run by the interpreter of the tools' environment, which has fastmcp.
"""

from __future__ import annotations

import sys

from fastmcp.server import create_proxy  # pyright: ignore

config = {"mcpServers": {"echo": {"command": sys.argv[1], "args": sys.argv[2:]}}}
create_proxy(config).run(show_banner=False)  # pyright: ignore
