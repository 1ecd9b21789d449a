"""What control's socket is opened with: a worker's lines, and the questions of others, one a connection."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from adapters.processes.messages import AskSessions, AskTrace, Figures, Hello, Message, Watch


class AskView(Message):
    """Whoever connects asks control how the node is."""

    kind: Literal["ask_view"] = "ask_view"


class WorkerView(BaseModel):
    """One worker as control remembers it: see `adapters.metrics.node_figures.WorkerMemory`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    worker: int
    epoch: int
    figures: Figures
    heard_at: float
    lives: int
    applied: int
    behind_since: float | None


class View(Message):
    """The answer: whether the node is ready, and each worker's last figures."""

    kind: Literal["view"] = "view"
    relay: bool
    database: bool
    ads: bool
    workers: tuple[WorkerView, ...]


class AskMetrics(Message):
    """Whoever connects asks control for the text of `/metrics`."""

    kind: Literal["ask_metrics"] = "ask_metrics"


class Metrics(Message):
    """The answer."""

    kind: Literal["metrics"] = "metrics"
    text: str


class Submit(Message):
    """Whoever connects asks control to send a message through its own session at the SMSC."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    kind: Literal["submit"] = "submit"
    source: str
    destination: str
    body: bytes
    data_coding: int


class Submitted(Message):
    """The answer: what the SMSC said, or why it said nothing."""

    kind: Literal["submitted"] = "submitted"
    outcome: Literal["answered", "not_bound", "no_answer"]
    status: int = 0
    message_id: str = ""


Question = AskView | AskMetrics | Submit
Opening = Annotated[Hello | Watch | AskSessions | AskTrace | Question, Field(discriminator="kind")]

opening: TypeAdapter[Opening] = TypeAdapter(Opening)
