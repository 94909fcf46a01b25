"""The FastAPI application that everything is mounted on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType

from fastapi import FastAPI

from wan_demo import __version__
from wan_demo.api.crowd import CrowdMiddleware
from wan_demo.api.errors import AnswersMiddleware, Refusals, translate_errors
from wan_demo.api.files import files_router
from wan_demo.api.forwarded import ForwardedMiddleware
from wan_demo.api.headers import HeadersMiddleware
from wan_demo.api.health import Checks, health_router
from wan_demo.api.hosts import HostMiddleware
from wan_demo.api.limits import BodyLimitMiddleware, PathLimitMiddleware
from wan_demo.api.origins import ONLY_OWN, OriginMiddleware, Sites
from wan_demo.api.owner import OwnerMiddleware, owner_router
from wan_demo.api.reach import ReachMiddleware
from wan_demo.api.root_path import RootPathMiddleware
from wan_demo.api.uploads import UploadMiddleware
from wan_demo.media.links import Links
from wan_demo.media.room import free_bytes


def create_app(
    links: Links,
    checks: Checks,
    start: Callable[[], None],
    stop: Callable[[], None],
    root_path: str = "",
    sites: Sites = ONLY_OWN,
    proxies: str = "127.0.0.1",
    room: Callable[[], int] = lambda: free_bytes(Path()),
    is_shared: bool = False,
    refusals: Refusals = MappingProxyType({}),
) -> FastAPI:
    """The application; ``start`` and ``stop`` run with its life.

    ``root_path`` is where a proxy shows it, ``sites`` which other ones may hold it, ``proxies``
    whose word on where a request comes from is taken, ``room`` how many bytes there are for
    uploads, ``is_shared`` where Gradio's tunnel leads to it, ``refusals`` what is no fault of the
    page's.
    """

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        start()
        try:
            yield
        finally:
            stop()

    # What programs are to call is Gradio's: a description of the few other routes helps nobody.
    app = FastAPI(title="Wan Demo", version=__version__, lifespan=life, openapi_url=None)
    app.include_router(health_router(checks))
    app.include_router(files_router(links))
    app.include_router(owner_router(links, root_path))
    app.add_middleware(AnswersMiddleware)
    app.add_middleware(OwnerMiddleware, links=links, root_path=root_path)
    app.add_middleware(PathLimitMiddleware)
    app.add_middleware(UploadMiddleware, free=room)
    app.add_middleware(ReachMiddleware)
    app.add_middleware(BodyLimitMiddleware)
    app.add_middleware(CrowdMiddleware)
    app.add_middleware(OriginMiddleware, sites=sites, root_path=root_path)
    app.add_middleware(HostMiddleware)
    app.add_middleware(HeadersMiddleware, sites=sites)
    app.add_middleware(RootPathMiddleware, root_path=root_path)
    app.add_middleware(ForwardedMiddleware, proxies=proxies, is_shared=is_shared)  # asked first
    translate_errors(app, refusals)
    return app
