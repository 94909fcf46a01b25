"""What people and programs meet, however the page is served: routes, limits and errors."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI

from wan_demo.api.app import create_app
from wan_demo.api.glimpses import glimpses_router
from wan_demo.api.health import Checks
from wan_demo.api.origins import Sites
from wan_demo.media.links import Links
from wan_demo.media.uploads import Uploads
from wan_demo.service import Service
from wan_demo.settings import Settings


def make_front(
    settings: Settings,
    service: Service,
    links: Links,
    checks: Checks,
    start: Callable[[], None],
    stop: Callable[[], None],
    uploads: Uploads,
) -> FastAPI:
    """The application without its page; ``start`` and ``stop`` run with its life."""
    from wan_demo.ui.away import serve_script  # gradio takes seconds: other commands skip it
    from wan_demo.ui.refusing import REFUSALS

    app = create_app(
        links,
        checks,
        start,
        stop,
        root_path=settings.prefix,
        sites=Sites(settings.sites),
        proxies=settings.forwarded_allow_ips,
        room=uploads.free_bytes,
        is_shared=settings.share,
        refusals=REFUSALS,
    )
    app.include_router(glimpses_router(service.glimpses))
    serve_script(app)
    return app
