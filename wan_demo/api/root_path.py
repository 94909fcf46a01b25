"""The path under which a proxy shows the app."""

from __future__ import annotations

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class RootPathMiddleware:
    """Takes the path off, so that it is the same whether the proxy has done so or not.

    Without a slash behind it, it is led to the one with it: the page's addresses are relative.
    """

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, root = scope.get("path", ""), self._root_path
        if root and path == root and scope["type"] == "http":
            asked = scope.get("query_string", b"").decode("latin-1")
            page = RedirectResponse(f"{root}/{asked and '?'}{asked}", 308)
            await page(scope, receive, send)
            return
        if root and path.startswith(f"{root}/"):
            raw = scope.get("raw_path", b"")
            rest = raw.removeprefix(root.encode())
            scope = {**scope, "path": path.removeprefix(root), "raw_path": rest}
        await self._app(scope, receive, send)
