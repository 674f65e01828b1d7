"""Roles: what a member, and each of its keys, may do. A key acts in a role only if its member holds it too."""

from __future__ import annotations

ADMINISTRATOR = "administrator"
"""Has a vote on what concerns everybody (docs/adr/0009), and manages all keys of its own member."""
KEY_MANAGER = "key-manager"
"""Registers, retires and revokes the keys of its own member, but those of an administrator; hands the member over."""
OFFICE = "office"
"""Anchors documents."""
ISSUER = "issuer"
"""Issues certificates."""
PRODUCER = "producer"
INSPECTOR = "inspector"
"""Recalls lots of others, and anchors its own reports."""
AUDITOR = "auditor"
VALIDATOR = "validator"
DEVICE = "device"

ROLES = frozenset(
    {ADMINISTRATOR, KEY_MANAGER, OFFICE, ISSUER, PRODUCER, INSPECTOR, AUDITOR, VALIDATOR, DEVICE}
)
