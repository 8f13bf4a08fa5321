"""A real Alertmanager that groups for a second and posts to the intake."""

from __future__ import annotations

import json
from pathlib import Path

import demo.monitoring
from demo.parts.http import answers
from demo.parts.loopback import LOOPBACK, free_port, program
from demo.parts.part import ProcessPart
from demo.parts.process import Process


class Alertmanager(ProcessPart):
    """Alertmanager on `url`; posts to `INTAKE/v1/alertmanager` with the token in `token_file`."""

    def __init__(self, directory: Path, *, intake: str, token_file: Path) -> None:
        port = free_port()
        self.url = f"http://{LOOPBACK}:{port}"
        configuration = directory / "alertmanager.yml"
        configuration.write_text(
            demo.monitoring.render("alertmanager.yml", intake=intake, token_file=json.dumps(str(token_file)))
        )
        argv = [
            program("prometheus-alertmanager", "alertmanager", hint="apt-get install prometheus-alertmanager")
        ]
        argv += [f"--config.file={configuration}", f"--storage.path={directory / 'alertmanager-data'}"]
        argv += [f"--web.listen-address={LOOPBACK}:{port}", "--cluster.listen-address=", "--log.level=warn"]
        self.process = Process("alertmanager", argv, directory=directory)

    async def looks_ready(self) -> str:
        return await answers(f"{self.url}/-/ready")
