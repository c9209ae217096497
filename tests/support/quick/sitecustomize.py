"""Makes Copier quick: Python imports this at its start where this folder is on PYTHONPATH (see quick_copier)."""

import atexit
import sys
from pathlib import Path

_ARGUMENTS = getattr(sys, "orig_argv", [])[1:3]

if _ARGUMENTS == ["-m", "copier"] or (_ARGUMENTS and Path(_ARGUMENTS[0]).name == "copier"):
    sys.path.append(str(Path(__file__).resolve().parents[1]))
    from quick_copier import forget_checkouts, quick_copier

    _to_the_end = quick_copier(keep=True)
    _to_the_end.__enter__()
    atexit.register(forget_checkouts)
    sys.path.pop()
