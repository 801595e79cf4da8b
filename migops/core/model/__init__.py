"""The common vocabulary: files, revisions, places, links, findings and reports. Frozen values only."""

from migops.core.location import Location
from migops.core.model.places import (
    Absent,
    Entry,
    EntryKind,
    ImageIdentity,
    Link,
    LinkStatus,
    MigrationFile,
    MigrationSet,
    NotAsked,
    PlaceName,
    Reading,
    Revision,
    Tree,
    Unknown,
    Unreadable,
)
from migops.core.model.report import Finding, PlaceSummary, Remedy, Report, Row, Severity, Skipped, Subject, Verdict

__all__ = [
    "Absent",
    "Entry",
    "EntryKind",
    "Finding",
    "ImageIdentity",
    "Link",
    "LinkStatus",
    "Location",
    "MigrationFile",
    "MigrationSet",
    "NotAsked",
    "PlaceName",
    "PlaceSummary",
    "Reading",
    "Remedy",
    "Report",
    "Revision",
    "Row",
    "Severity",
    "Skipped",
    "Subject",
    "Tree",
    "Unknown",
    "Unreadable",
    "Verdict",
]
