"""A provider that speaks four dialects over real TLS and fails on demand; see server.py and failures.py."""

from fake_provider.answers import Answer
from fake_provider.failures import FAILURES, TLS_FAILURES
from fake_provider.server import FakeProvider

__all__ = ["FAILURES", "TLS_FAILURES", "Answer", "FakeProvider"]
