"""The place where the README of version 0.1.0 documented `check`, now `find_violations`."""

from explorer.networks import find_violations as check

__all__ = ["check"]
