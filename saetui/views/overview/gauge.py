"""Disk and devices: what the workspace takes, what is free, how busy the CPU and GPUs are."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content

from saetui.machine import Machine
from saetui.text import inert
from saetui.widgets.drawing import as_many, bar, fit
from saetui.widgets.pane import Pane
from store.files import human_bytes

BAR, SHORTEST = 16, 4
"""Cells of a bar: the longest, and the shortest that is drawn."""

NAME = 11
"""Cells of what a line is about."""


class Gauge(Pane):
    """A few lines, looked at anew from time to time."""

    NO_SQL = "Disk and devices are looked at, no table holds them: saetui overview --json tells."

    def __init__(self) -> None:
        super().__init__(id="overview-machine", classes="pane")
        self.machine: Machine | None = None

    def on_mount(self) -> None:
        """Names the pane."""
        self.entitle("Machine")

    def show(self, machine: Machine) -> None:
        """Shows another look at the machine."""
        self.machine = machine
        self.refresh()

    def copied(self) -> tuple[str, str] | None:
        """What it says."""
        return ("\n".join(_lines(self.machine, 200)), "machine") if self.machine else None

    def render(self) -> Content:
        """The lines."""
        if self.machine is None:
            return Content.styled(" Looking …", "$muted")
        width = max(8, self.size.width - 2)
        said = [" " + fit(line, width) for line in _lines(self.machine, width)]
        return Content("\n").join(Content(line) for line in said)


def _lines(machine: Machine, width: int) -> list[str]:
    """One line each for workspace, disk, CPU and GPUs: as much as fits in `width` cells."""
    largest = sorted(machine.folders.items(), key=lambda folder: -folder[1])
    folders = as_many(
        (f"{name} {human_bytes(size)}" for name, size in largest if size),
        width - NAME - len(human_bytes(machine.used)) - 2,
        ", ",
    )
    free, total = human_bytes(machine.free), human_bytes(machine.total)
    cpus = f"{machine.cpus} CPU{'s' * (machine.cpus != 1)}"
    lines = [
        _line("workspace", human_bytes(machine.used) + (f": {folders}" if folders else "")),
        _measured(
            "disk", 1 - machine.free / max(1, machine.total), f"{free} free of {total}", width
        ),
    ]
    if machine.load is None:
        lines.append(_line("cpu", cpus))
    else:
        said = f"load {machine.load:.1f} on {cpus}"
        lines.append(_measured("cpu", machine.load / machine.cpus, said, width))
    for at, gpu in enumerate(machine.gpus):
        used, total = human_bytes(gpu.used), human_bytes(gpu.total)
        said = f"{gpu.busy:.0%}, {used} of {total}, {inert(gpu.name)}"
        lines.append(_measured(f"gpu {at}", gpu.busy, said, width))
    if not machine.gpus:
        lines.append(_line("gpu", "none found"))
    return lines


def _line(name: str, said: str) -> str:
    return f"{name:<{NAME}}{said}"


def _measured(name: str, share: float, said: str, width: int) -> str:
    """A bar and what it says: the bar is the shorter, the less room there is."""
    cells = min(BAR, width - NAME - cell_len(said) - 2)
    full, empty = bar(share, cells) if cells >= SHORTEST else ("", "")
    return _line(name, f"{full}{empty}{'  ' if full or empty else ''}{said}")
