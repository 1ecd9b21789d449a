"""A file of campaign documents: one object or a list, YAML or JSON, all or nothing."""

from collections.abc import Iterable
from pathlib import Path

from adapters.files.yaml_lines import Document, LineFault, UnreadableError, parse
from inventory.document import DocumentRefusedError, Standards, read_campaign
from inventory.draft import CampaignDraft


class CampaignFileError(Exception):
    """Nothing of the file can be used; `faults` lists every reason, one line each."""

    def __init__(self, faults: Iterable[LineFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def read_campaigns(path: Path, standards: Standards) -> tuple[CampaignDraft, ...]:
    """Read every campaign of a file, or raise `CampaignFileError` with the faults of all of them."""
    try:
        document = parse(path.read_bytes())
    except OSError as error:
        raise CampaignFileError([LineFault(str(path), 0, error.strerror or "cannot be read")]) from None
    except UnreadableError as error:
        raise CampaignFileError([LineFault(str(path), error.line, error.reason.en)]) from None
    return _read_all(document, str(path), standards)


def _read_all(document: Document, file: str, standards: Standards) -> tuple[CampaignDraft, ...]:
    faults = [LineFault(file, line, reason.en) for line, reason in document.faults]
    drafts: list[CampaignDraft] = []
    for prefix, value in _entries(document.value):
        try:
            drafts.append(read_campaign(value, standards))
        except DocumentRefusedError as refused:
            for fault in refused.faults:
                pointer = prefix + fault.pointer
                where = f"{pointer}: " if pointer else ""
                faults.append(LineFault(file, document.line(pointer), where + fault.en))
    if not faults and not drafts:
        faults.append(LineFault(file, 1, "holds no campaign; write one object or a list of them"))
    if faults:
        raise CampaignFileError(sorted(faults, key=lambda fault: fault.line))
    return tuple(drafts)


def _entries(value: object) -> list[tuple[str, object]]:
    if value is None:
        return []
    if isinstance(value, list):
        return [(f"/{index}", item) for index, item in enumerate(value)]
    return [("", value)]
