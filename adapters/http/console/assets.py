"""What pages load besides themselves: style and scripts, all from this package."""

import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources import files

from aiohttp import web

FOLDER = "/static/"
_YEAR = "public, max-age=31536000, immutable"
_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_NAMES = (
    "console.css",
    "console.js",
    "charts.js",
    "mark.svg",
    "vendor/htmx.min.js",
    "vendor/uPlot.iife.min.js",
    "vendor/uPlot.min.css",
)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its address (which changes with its content), its type, its octets plain and packed."""

    address: str
    content_type: str
    octets: bytes
    packed: bytes


def load_assets() -> dict[str, Asset]:
    """Return the files by name."""
    return {name: _load(name) for name in _NAMES}


def _load(name: str) -> Asset:
    octets = files("adapters.http").joinpath("static", *name.split("/")).read_bytes()
    version = hashlib.sha256(octets).hexdigest()[:12]
    content_type = _TYPES[name.rpartition(".")[2]]
    return Asset(f"{FOLDER}{name}?v={version}", content_type, octets, gzip.compress(octets, 9, mtime=0))


def serve_assets(app: web.Application, assets: dict[str, Asset]) -> None:
    """Serve the files; a browser keeps them until their content changes."""

    async def serve(request: web.Request) -> web.Response:
        asset = assets.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        headers = {
            "Content-Type": asset.content_type,
            "Cache-Control": _YEAR if "v" in request.query else "no-cache",
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=asset.packed, headers={**headers, "Content-Encoding": "gzip"})
        return web.Response(body=asset.octets, headers=headers)

    app.router.add_get(FOLDER + "{name:.+}", serve)
