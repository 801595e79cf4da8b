"""A script's expression for its own folder: ``$(dirname "$0")``, ``$(cd "$(dirname "$0")" && pwd)`` and the like."""

from __future__ import annotations

import posixpath
import re

_ITSELF = r"\"?(?:\$0|\$\{0\}|\$\{?BASH_SOURCE(?:\[0\])?\}?)\"?"
_FOLDER = rf"\$\(\s*dirname (?:-- )?(?:{_ITSELF}|\"?\$\((?:readlink -f|realpath) {_ITSELF}\)\"?)\s*\)"
_THEN_SHOWN = r"(?P<below>/[\w./-]*)?\"?(?:\s*&?>\s*/dev/null(?: 2>&1)?)?\s*(?:&&|;)\s*pwd(?: -P)?\s*\)"
_OF_SCRIPT = re.compile(rf"(?:\$\(\s*cd (?:-P )?(?:-- )?\"?{_FOLDER}\"?{_THEN_SHOWN}|{_FOLDER})")
"""A script's expression for its own folder."""


def in_own_folder(word: str, script: str) -> str:
    """The word with the script's own folder in place of the expression for it."""
    if not script or "dirname" not in word:
        return word
    folder = posixpath.dirname(script)
    return _OF_SCRIPT.sub(lambda match: posixpath.normpath(folder + (match["below"] or "")), word)
