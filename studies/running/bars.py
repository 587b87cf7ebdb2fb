"""What a user sees of a run that draws anew as it goes on: bars, on a terminal or in a notebook."""

import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from explorer.streams import printable
from explorer.text import human_time
from studies.attempts.standing import Counts
from studies.records.stored_study import StoredStudy
from studies.running.progress import Event, JsonView, LineView, Options, QuietView, View

if TYPE_CHECKING:
    from rich.progress import TaskID


@dataclass
class Bar:
    """How far something is.

    Attributes:
        label: What it is.
        done: Of `total`.
        note: The same in words.
    """

    label: str
    done: float = 0.0
    total: float = 1.0
    note: str = ""


class BarView(LineView):
    """A bar for the whole study and one for each worker that trains; subclasses draw them."""

    def __init__(self, study: str = "", options: Options = MappingProxyType({})) -> None:
        super().__init__(study, options)
        self.whole = Bar("")
        self.workers: dict[int, Bar] = {}

    def begin(
        self, stored: StoredStudy, counts: Counts, workers: int, *, elsewhere: bool = False
    ) -> None:
        super().begin(stored, counts, workers, elsewhere=elsewhere)
        self.start()
        self._show()

    def event(self, worker: int, event: Event) -> None:
        if event["event"] == "claimed":
            epochs = self.work.epochs(event)
            label = f"{event['arm']} seed {event['seed']}"
            self.workers[worker] = Bar(label, 0, epochs, f"epoch 1 of {epochs}")
        elif event["event"] == "epoch":
            epochs, bar = self.work.epochs(event), self.workers[worker]
            bar.done, bar.total = event["epoch"], epochs
            bar.note = f"epoch {min(event['epoch'] + 1, epochs)} of {epochs}"
        else:
            self.workers.pop(worker, None)
        super().event(worker, event)
        self._show()

    def stand(self, counts: Counts) -> None:
        super().stand(counts)
        self._show()

    def _show(self) -> None:
        left = self.work.time_left()
        self.whole = Bar(
            f"{self.counts.ended:,} of {self.at_most}{self.counts.wanted:,} pairs",
            self.work.share(),
            note="starting the workers"
            if left is None
            else f"{self.at_most}{human_time(max(1.0, left))} left, until"
            f" {datetime.now() + timedelta(seconds=left):%H:%M}",
        )
        self.draw()

    def start(self) -> None:
        """Begin to draw."""

    def draw(self) -> None:
        """Show the bars as they are now."""


class LiveView(BarView):
    """The bars on a terminal."""

    def __init__(self, study: str = "", options: Options = MappingProxyType({})) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        from explorer.terminal import live_console

        super().__init__(study, options)
        self.bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=live_console(),
            transient=True,
            # What is said on another standard error than this terminal belongs there.
            redirect_stderr=sys.stderr.isatty(),
        )
        self.total = self.bars.add_task("", total=1.0, note="")
        self.tasks: dict[int, TaskID] = {}

    def start(self) -> None:
        self.bars.start()

    def draw(self) -> None:
        self._update(self.total, self.whole, self.whole.label)
        for worker, bar in self.workers.items():
            if worker not in self.tasks:
                self.tasks[worker] = self.bars.add_task("", note="")
            self._update(self.tasks[worker], bar, f"  {printable(bar.label)}")
        for worker, task in self.tasks.items():
            self.bars.update(task, visible=worker in self.workers)

    def _update(self, task: "TaskID", bar: Bar, label: str) -> None:
        self.bars.update(
            task, description=label, completed=bar.done, total=bar.total, note=bar.note
        )

    def close(self) -> None:
        self.bars.stop()

    def say(self, line: str) -> None:
        if self.bars.live.is_started:
            for part in line.splitlines():
                self.bars.console.print(printable(part), markup=False)
        else:
            super().say(line)


class NotebookView(BarView):
    """The bars in a notebook, and the last training that ended: one output, which is updated.

    Rich draws in a notebook only where ipywidgets is installed, too.
    """

    pause = 0.2  # seconds between two updates: each is a message to the browser

    def __init__(self, study: str = "", options: Options = MappingProxyType({})) -> None:
        super().__init__(study, options)
        self.display: Any = None
        self.drawn = 0.0
        self.last = ""

    def start(self) -> None:
        from IPython.display import HTML, display

        self.display = display(HTML(""), display_id=True)

    def event(self, worker: int, event: Event) -> None:
        if event["event"] == "failed":
            self.say(f"{event['arm']} seed {event['seed']} failed: {event['reason']}")
        super().event(worker, event)

    def finished(self, line: str) -> None:
        self.last = line

    def draw(self) -> None:
        if time.monotonic() - self.drawn >= self.pause:
            self._update()

    def stopped(self, stored: StoredStudy, counts: Counts) -> None:
        """The exception says it, in the cell's output."""

    def close(self) -> None:
        self.workers.clear()
        self.whole.note = ""
        self._update()

    def _update(self) -> None:
        from IPython.display import HTML

        lines = [
            f'<progress value="{bar.done:g}" max="{bar.total:g}"></progress>'
            f" {escape(bar.label)} {escape(bar.note)}"
            for bar in (self.whole, *self.workers.values())
        ]
        lines += [escape(self.last)]
        self.display.update(HTML("".join(f"<div>{line}</div>" for line in lines)))
        self.drawn = time.monotonic()


def choose_view(
    *,
    quiet: bool = False,
    as_json: bool = False,
    study: str = "",
    options: Options = MappingProxyType({}),
) -> View:
    """The view for where the output goes. `study` is what the user calls the study."""
    kind: type[View]
    if as_json:
        kind = JsonView
    elif quiet:
        kind = QuietView
    elif in_notebook():
        kind = NotebookView
    else:
        kind = LiveView if sys.stdout.isatty() else LineView
    return kind(study, options)


def in_notebook() -> bool:
    """Whether this is a cell of a notebook, which shows HTML."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")
