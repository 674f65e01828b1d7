"""Roles: what a member, and each of its keys, may do. A key acts in a role only if its member holds it too."""

from __future__ import annotations

ADMINISTRATOR = "administrator"
"""Registers members and keys."""
OFFICE = "office"
"""Anchors documents."""
ISSUER = "issuer"
"""Issues certificates."""
PRODUCER = "producer"
INSPECTOR = "inspector"
AUDITOR = "auditor"
VALIDATOR = "validator"
DEVICE = "device"

ROLES = frozenset({ADMINISTRATOR, OFFICE, ISSUER, PRODUCER, INSPECTOR, AUDITOR, VALIDATOR, DEVICE})
