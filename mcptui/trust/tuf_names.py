"""python-tuf's documented names, gathered once, since its own hints do not re-export them.

Importing this costs a tenth of a second: every module of ours that does is imported late.
"""

# pyright: reportPrivateImportUsage=false

from __future__ import annotations

from securesystemslib import signer as _signer
from tuf.api import metadata as _tuf

CryptoSigner = _signer.CryptoSigner
Signer = _signer.Signer
Metadata = _tuf.Metadata
MetaFile = _tuf.MetaFile
Root = _tuf.Root
Signed = _tuf.Signed
Snapshot = _tuf.Snapshot
TargetFile = _tuf.TargetFile
Targets = _tuf.Targets
Timestamp = _tuf.Timestamp
