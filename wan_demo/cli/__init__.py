"""The command line: ``serve``, ``generate``, ``verify``, ``models`` and ``worker``."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex
from threading import Event as Flag
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from wan_demo.catalog import Catalog
from wan_demo.domain.control import Control, controls
from wan_demo.domain.job import Job, Stage, Status
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import Task
from wan_demo.engine.memory import Machine, default_offer, offers
from wan_demo.errors import InvalidRequest, WanDemoError, WorkerLost
from wan_demo.settings import Settings

if TYPE_CHECKING:
    from wan_demo.bootstrap import OneOff

BAD_INPUT, FAILURE = 2, 1
PORTS_TO_TRY = 20
SHUTDOWN_SECONDS = 3
"""How long open connections may finish when the server is told to stop."""
MAX_HOST = 48
"""How much of the host's name a worker's name holds: the table has room for 64 characters."""
ALIASES = {"num_inference_steps": "--steps", "loras": "--lora"}
LORA_HELP = (
    "NAME or NAME:WEIGHT: a file, one of the data folder's loras/, or of the hub as owner/repo or "
    "owner/repo/file.safetensors; may be given several times, and end in :high or :low for one "
    "expert of Wan2.2."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the process's exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except InvalidRequest as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except WanDemoError as error:
        print(error, file=sys.stderr)
        return FAILURE
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="wan_demo", description="Videos with the Wan models.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="open the page and the API")
    _add_settings(serve)
    serve.set_defaults(run=_serve)
    generate = commands.add_parser("generate", help="make one video, without a server")
    _add_generate(generate)
    generate.set_defaults(run=_generate)
    _add_verify(commands.add_parser("verify", help="render a clip again and compare"))
    _add_models(commands.add_parser("models", help="list, show and download models"))
    worker = commands.add_parser("worker", help="work on the queue of a data folder")
    worker.add_argument("--name", help="how the worker signs its claims; no two may share one")
    worker.add_argument("--supervised", action="store_true", help=argparse.SUPPRESS)
    _add_settings(worker)
    worker.set_defaults(run=_worker)
    return parser


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=_models)
    _add_data_dir(parser)
    actions = parser.add_subparsers(metavar="ACTION")
    for name, run, text in (
        ("download", _download, "fetch a model's files, from where an earlier try stopped"),
        ("info", _info, "all that the catalogue knows of a model"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("id", help="as `models` lists it")
        action.set_defaults(run=run)
        _add_data_dir(action)


def _add_data_dir(parser: argparse.ArgumentParser) -> None:
    """Where models.toml is; suppressed, as an action's default would win over the list's value."""
    parser.add_argument(
        "--data-dir", default=argparse.SUPPRESS, help="folder with the models.toml of your own"
    )


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clip", type=Path, help="an MP4 that this app made")
    for name in ("image", "last_image", "video"):
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=Path, help="what it was made from, if not kept here")
    parser.add_argument("--lora", action="append", help="the path of a LoRA, if not kept here")
    parser.add_argument("--data-dir", default=None, help="where inputs were kept")
    parser.add_argument("--model", default=None, help="its model's path, if it was given as one")
    parser.add_argument("--device", default=None, help="auto (as it was made), cuda, mps or cpu")
    parser.add_argument("--engine", default=None, help=argparse.SUPPRESS)
    parser.set_defaults(run=_verify)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """A flag for every setting; what is not given comes from the environment."""
    for name, field in Settings.model_fields.items():
        flag = f"--{name.replace('_', '-')}"
        if field.annotation in (bool, bool | None):
            parser.add_argument(
                flag,
                action=argparse.BooleanOptionalAction,
                default=None,
                help=field.description,
            )
        else:
            parser.add_argument(flag, default=None, help=field.description)


def _settings(options: argparse.Namespace) -> Settings:
    given = {name: getattr(options, name, None) for name in Settings.model_fields}
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        finding = error.errors(include_url=False)[0]
        name, allowed = str(finding["loc"][0]), finding["msg"].replace("Input should", "must")
        raise InvalidRequest(name, finding["input"], allowed) from None


def _add_generate(parser: argparse.ArgumentParser) -> None:
    """A flag for every control of the request."""
    for known in controls():
        flags = [f"--{known.name.replace('_', '-')}"]
        flags += [ALIASES[known.name]] if known.name in ALIASES else []
        action = "append" if known.is_list else "store"
        parser.add_argument(*flags, dest=known.name, action=action, help=_help(known))
    parser.add_argument("--preset", help="the values of a preset, under those that are given")
    parser.add_argument("--output", required=True, type=Path, help="the MP4 to write")
    parser.add_argument("--device", default=None, help="auto, cuda, mps or cpu")
    parser.add_argument("--data-dir", default=None, help="folder of your models.toml and loras/")
    parser.add_argument("--engine", default=None, help=argparse.SUPPRESS)


def _help(known: Control) -> str:
    if known.is_list:
        return LORA_HELP
    if known.choices:
        return f"{known.help} One of {', '.join(known.choices)}."
    if known.minimum is None or known.maximum is None:
        return known.help
    return f"{known.help} {known.minimum:g} to {known.maximum:.12g}."


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """The request's fields as typed; numbers become numbers, what is not one is refused later."""
    given = {known.name: getattr(options, known.name) for known in controls()}
    given["task"] = given["task"] or Task.TEXT_TO_VIDEO
    typed = {
        known.name: _number(given[known.name]) if known.maximum is not None else given[known.name]
        for known in controls()
    }
    return {**typed, "preset": options.preset}


def _number(text: Any) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return text


def _serve(options: argparse.Namespace) -> int:
    from sqlalchemy.exc import DatabaseError

    from wan_demo import bootstrap

    settings = _settings(options)
    bootstrap.configure_logging(settings)
    listener = _listen(settings.host, settings.port)
    try:
        app = bootstrap.make_server(settings)
    except (OSError, DatabaseError) as error:
        raise WanDemoError(f"The folder {settings.data_dir} can't be used: {error}") from None
    import uvicorn

    host, port = _shown_host(settings.host), listener.getsockname()[1]
    print(f"Wan Demo: http://{host}:{port}  ({app.state.greeting})", flush=True)
    if settings.share and (public := app.state.share(host, port)):
        print(f"Public for a week at most: {public}", flush=True)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listener])
    return 0


def _shown_host(host: str) -> str:
    return "localhost" if host in ("0.0.0.0", "::") else host


def _listen(host: str, port: int) -> socket.socket:
    """A socket on ``port``, or on the next one that nobody listens on; ours from here on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + PORTS_TO_TRY, 65536)):
        try:
            return socket.create_server((host, candidate), family=family)
        except OSError:
            continue
    raise WanDemoError(f"Ports {port} to {port + PORTS_TO_TRY - 1} are all busy; give --port.")


def _generate(options: argparse.Namespace) -> int:
    from wan_demo import bootstrap
    from wan_demo.media.folder import DataFolder, replacing

    settings = _settings(options)
    _check_output(options.output)
    options.loras, lent = _lend(options.loras, settings)
    with tempfile.TemporaryDirectory() as scratch:
        folder = DataFolder(Path(scratch)).create()
        one_off = bootstrap.make_one_off(settings, folder, lent)
        given = {**_given(options), "model": None}  # the settings' model, which may be a path
        job = one_off.service.submit(given, owner="shell")
        one_off.executor.start()
        job = _follow(one_off, job)
        one_off.executor.stop()
        if job.failure is not None:
            raise WanDemoError(job.failure.message)
        for output, target in zip(job.outputs, _targets(options.output, job), strict=True):
            with replacing(target) as part:
                shutil.copyfile(folder.video(output.file), part)
            print(f"{target} (seed {output.seed})")
        for note in one_off.service.prompt_notes(job.request):
            print(f"Note: {note}", file=sys.stderr)
    return 0


def _verify(options: argparse.Namespace) -> int:
    from wan_demo.verify import MEDIA, verify

    media, settings = {name: getattr(options, name) for name in MEDIA}, _settings(options)
    _, lent = _lend(options.lora, settings)
    verdict = verify(options.clip, media, settings, _follow, lent)
    request, name = verdict.request, options.clip.name
    made = f"{request.played_frames} frames of {request.model}, seed {request.seed}"
    said = "the same frames again" if verdict.is_same else "not made again to the same frames"
    print(f"{name}: {said} ({made})")
    for line in verdict.differences:
        print(f"  {line}")
    return 0 if verdict.is_same else FAILURE


def _lend(loras: list[str] | None, settings: Settings) -> tuple[list[str] | None, dict[str, Path]]:
    """LoRAs as typed, with names for paths, and the files of these names."""
    from wan_demo.bootstrap import lora_folder
    from wan_demo.media.loras import LoraFolder, lend

    return lend(loras, LoraFolder(lora_folder(settings))) if loras else (None, {})


def _check_output(output: Path) -> None:
    """Refuse a file that can't be written before the work, not after it."""
    if output.suffix.lower() != ".mp4" or output.is_dir():
        raise InvalidRequest("output", str(output), "must be the name of an .mp4 file")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidRequest("output", str(output), f"can't be made: {error.strerror}") from None
    if not os.access(output.parent, os.W_OK):
        raise InvalidRequest("output", str(output), "must be in a folder that you may write to")


def _targets(output: Path, job: Job) -> list[Path]:
    """``clip.mp4``, and ``clip-2.mp4`` ... where several were asked for."""
    names = [output]
    for number in range(2, len(job.outputs) + 1):
        names.append(output.with_stem(f"{output.stem}-{number}"))
    return names


def _follow(one_off: OneOff, job: Job) -> Job:
    """Wait for the job's end; progress goes to standard error where a person looks at it."""
    shown, said = "", {""}
    while not job.status.is_final:
        time.sleep(0.1)
        is_alive = one_off.executor.is_alive()
        job = one_off.service.get(job.id, job.owner)
        if not is_alive and not job.status.is_final:
            raise WorkerLost(job.attempt)
        for sentence in (job.progress.memory, job.progress.notice):
            if sentence not in said and sys.stderr.isatty():
                print(f"\r{sentence:<60}", file=sys.stderr)
            said.add(sentence)
        text = _progress_text(job)
        if text != shown and sys.stderr.isatty():
            print(f"\r{text:<60}", end="", file=sys.stderr, flush=True)
        shown = text
    if sys.stderr.isatty():
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    return job


def _progress_text(job: Job) -> str:
    progress = job.progress
    if job.status is Status.RUNNING and progress.stage is Stage.STEP:
        return f"step {progress.step} of {progress.steps}"
    if progress.stage is Stage.DOWNLOADING:
        return f"downloading {progress.done_bytes / 1e9:.2f} of {progress.total_bytes / 1e9:.2f} GB"
    return progress.stage.value


def _models(options: argparse.Namespace) -> int:
    from wan_demo import bootstrap

    machine, models = bootstrap.measure(_settings(options)), _catalog(options)
    for fault in models.faults:
        print(fault, file=sys.stderr)
    if options.json:
        rows = [_described(spec, bootstrap.is_available(spec), machine) for spec in models.models]
        print(json.dumps(rows, indent=2))
        return 0
    width = max(len(spec.id) for spec in models.models)
    for spec in models.models:
        here = "ready" if bootstrap.is_available(spec) else f"{spec.download_bytes / 1e9:.0f} GB"
        fits = default_offer(spec, machine).said
        print(f"{spec.id:<{width}}  {here:>7}  {fits:<18}  {', '.join(spec.tasks)}")
    return 0


def _catalog(options: argparse.Namespace) -> Catalog:
    from wan_demo import bootstrap

    return bootstrap.make_catalog(_settings(options))


def _offered(spec: ModelSpec, machine: Machine) -> list[dict[str, Any]]:
    """How a model would run here at each of its resolutions, as JSON."""
    return [
        {
            "resolution": each.resolution,
            "size": [each.clip.width, each.clip.height],
            "num_frames": each.clip.frames,
            "fits": each.fits,
            "said": each.said,
            "rung": each.rung.name if each.rung else None,
            "device_bytes": each.needs.device if each.needs else None,
            "ram_bytes": each.needs.ram if each.needs else None,
            "missing_bytes": each.missing,
        }
        for each in offers([spec], machine)
    ]


def _described(spec: ModelSpec, is_available: bool, machine: Machine) -> dict[str, Any]:
    """A model as JSON."""
    defaults = spec.defaults
    return {
        "id": spec.id,
        "title": spec.title,
        "summary": spec.summary,
        "licence": spec.licence,
        "source": spec.weights.name,
        "revision": getattr(spec.weights.base, "revision", None),
        "files": {part: spec.weights.file_of(part) for part in spec.weights.replaced},
        "is_verified": spec.weights.is_verified,
        "available": is_available,
        "download_bytes": spec.download_bytes,
        "parameters": dict(spec.architecture.parameters),
        "tasks": [task.value for task in spec.tasks],
        "default_size": list(defaults.size),
        "sizes": {r.name: [list(size) for size in r.sizes.values()] for r in spec.resolutions},
        "num_frames": defaults.num_frames,
        "fps": defaults.fps,
        "num_inference_steps": defaults.num_inference_steps,
        "guidance_scale": defaults.guidance_scale,
        "guidance_scale_2": defaults.guidance_scale_2,
        "flow_shift": {r.name: r.flow_shift for r in spec.resolutions},
        "boundary_ratio": spec.boundary_ratio,
        "scheduler": spec.scheduler,
        "negative_prompt": defaults.negative_prompt,
        "max_sequence_length": spec.max_sequence_length,
        "here": _offered(spec, machine),
    }


def _info(options: argparse.Namespace) -> int:
    from wan_demo import bootstrap

    spec, machine = _catalog(options).find(options.id), bootstrap.measure(_settings(options))
    described = _described(spec, bootstrap.is_available(spec), machine)
    print(json.dumps(described, indent=2, ensure_ascii=False))
    return 0


def _download(options: argparse.Namespace) -> int:
    from wan_demo import bootstrap

    spec = _catalog(options).find(options.id)
    files = bootstrap.make_locate(Settings())(spec, _show_bytes, lambda: False)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(files.folder)
    return 0


def _show_bytes(done: int, total: int) -> None:
    if sys.stderr.isatty():
        share = f"{done / 1e9:.2f} of {total / 1e9:.2f} GB"
        print(f"\r{share:<40}", end="", file=sys.stderr, flush=True)


def _worker(options: argparse.Namespace) -> int:
    from wan_demo import bootstrap

    settings = _settings(options)
    bootstrap.configure_logging(settings)
    stopping = Flag()
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, lambda *_: stopping.set())
    if options.supervised:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the group; the server decides
        bootstrap.end_with_parent(stopping)
    name = options.name or f"{socket.gethostname()[:MAX_HOST]}-{token_hex(4)}"
    bootstrap.run_worker(settings, name, stopping, options.supervised)
    return 0
