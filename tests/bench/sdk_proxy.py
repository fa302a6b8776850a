"""The Python SDK's own way to stand before a server: fastmcp's proxy, on stdio or HTTP.

Run by the interpreter of the tools' environment, which has fastmcp.
"""

from __future__ import annotations

import sys

from fastmcp.server import create_proxy  # pyright: ignore

port, command = sys.argv[1], sys.argv[2:]
config = {"mcpServers": {"echo": {"command": command[0], "args": command[1:]}}}
proxy = create_proxy(config)  # pyright: ignore
if port == "-":
    proxy.run(show_banner=False)  # pyright: ignore
else:
    proxy.run(  # pyright: ignore
        transport="http", host="127.0.0.1", port=int(port), show_banner=False, log_level="error"
    )
