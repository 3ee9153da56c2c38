"""A small WeCom: API, callbacks, phones. `--sample` puts a few people there."""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application

from . import corps
from .config import corp_from, target_from
from .host import Host, install
from .sample import credentials, put_sample
from .server import make_server


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8010)
    parser.add_argument("--state-dir", type=Path, default=Path(".local/simulator"))
    parser.add_argument("--product", default="http://127.0.0.1:8000", help="address of the product")
    parser.add_argument("--own-url", default="", help="how browsers reach this process")
    parser.add_argument(
        "--config", type=Path, help="JSON file with corp_id, agents, contact_secret"
    )
    parser.add_argument("--seed", type=int, help="ids and chance repeat with the same seed")
    parser.add_argument("--sample", action="store_true", help="a few people, if there are none")
    return parser.parse_args()


def make_host(options: argparse.Namespace, port: int) -> Host:
    own_url = options.own_url or f"http://{options.host}:{port}"
    folder = options.state_dir.resolve()
    host = Host(folder, product_url=options.product, own_url=own_url, seed=options.seed)
    with host.transaction() as world:
        asked = options.config or os.environ.get("WECOM_CORP_ID")
        if asked or not world.corp:
            host.commit("corp", corp=corp_from(os.environ, options.product, options.config))
        target = target_from()
        if target is not None:
            host.commit("callback_targets", targets=[target])
    host.remember_start()
    install(host)
    corps.reopen()
    return host


def main() -> int:
    asked = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    if os.environ.get("SCRM_ENV") == "prod" or asked.endswith(".prod"):
        sys.stderr.write("The WeCom simulator does not start under production settings.\n")
        return 2
    os.environ["DJANGO_SETTINGS_MODULE"] = f"{__package__}.settings"
    options = arguments()
    application: WSGIHandler = get_wsgi_application()
    try:
        server = make_server(options.host, options.port, application)
    except OSError as error:
        sys.stderr.write(f"Port {options.port} cannot be used: {error.strerror}.\n")
        return 1
    host = make_host(options, server.server_port)

    def stop(signum: int, frame: object) -> None:
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    for each in corps.every():
        each.sender.start()
    sys.stdout.write(f"WeCom simulator at {host.own_url}/\n")
    if options.sample:
        put_sample(host)
        sys.stdout.write(credentials(host))
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.2)
    server.server_close()
    for each in corps.every():
        each.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
