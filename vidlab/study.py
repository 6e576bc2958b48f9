"""For who studies alone: where to start, what is done and what is next, and which exercises there are.

>>> from vidlab import study
>>> study.Placement()  # doctest: +SKIP
>>> study.Review("optical flow")  # doctest: +SKIP
>>> study.progress()  # doctest: +SKIP
>>> study.exercises(level="easy", topic="flow")  # doctest: +SKIP
"""

from .exercises import index as exercises
from .figures.placement import Placement
from .figures.review import Review
from .progress import progress

__all__ = ["Placement", "Review", "exercises", "progress"]
