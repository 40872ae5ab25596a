"""The study folder on disk: units of work that survive any stop, one writer, a sealed plan, a ledger."""

from safedose.store.durable import digest, write_text
from safedose.store.folder import SUMMARY_SCHEMA, StudyFolder, find_study
from safedose.store.unit import STAGE_VERSIONS, Unit, stage_key

__all__ = ["STAGE_VERSIONS", "SUMMARY_SCHEMA", "StudyFolder", "Unit", "digest", "find_study", "stage_key", "write_text"]
