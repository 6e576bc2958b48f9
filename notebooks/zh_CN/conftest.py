"""For pytest: a translated lesson runs the code of the English one, and takes as long again.

`make translations` runs it, and its claims with it; with VIDLAB_TRANSLATIONS=1 its outputs are
compared as those of other lessons.
"""

import os

collect_ignore_glob = [] if os.environ.get("VIDLAB_TRANSLATIONS") else ["*.ipynb"]
