"""Show a page in the browser where an audio file is dropped and explained, as `dada explain` does.

The server answers this machine alone, unless --public is given. Files are removed after their answer.
"""

import argparse
from pathlib import Path

from dada import program
from dada.commands.detect import add_model_arguments
from dada.commands.models import consent_of
from dada.errors import UserError

EXAMPLE = """
dada serve --system aasist
dada serve --model egs/mini/exp/dada_late_calibrated --model egs/mini/exp/lfcc_lcnn --port 8080
curl --data-binary @clip.flac -H 'Content-Type: application/octet-stream' 'http://127.0.0.1:8017/answers'
"""
PORT = 8017


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `dada serve`."""
    add_model_arguments(parser, speaker=False)
    parser.add_argument("--address", default="127.0.0.1", help="address of this machine to answer on")
    parser.add_argument("--port", type=program.positive, default=PORT, help="port to answer on")
    parser.add_argument(
        "--public",
        action="store_true",
        help="allow an --address that other machines reach; there is no password and no encryption",
    )
    parser.add_argument("--megabytes", type=program.positive, default=100, help="largest file")
    parser.add_argument("--minutes", type=program.positive, default=60, help="longest recording")


def run(args: argparse.Namespace) -> None:
    """Serve until the program is interrupted."""
    try:
        import starlette  # noqa: F401 - asked for here, so that the message says how to get it
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"{error.name} is missing, which the server needs: pip install 'dada-deepfake[serve]'"
        ) from error
    from dada.serve.guard import is_loopback

    if not is_loopback(args.address) and not args.public:
        raise UserError(
            f"--address {args.address} can be reached from other machines: leave it out, or add --public"
        )
    from dada.detect.panel import Chosen
    from dada.serve.server import serve

    model: list[Path] = args.model
    flags = model, args.seed, args.system, args.init, consent_of(args)
    chosen = Chosen(*flags, device=args.device)
    serve(chosen, args.address, args.port, args.megabytes, args.minutes, args.public)
