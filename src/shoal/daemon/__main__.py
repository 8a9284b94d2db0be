"""python -m shoal.daemon"""

import sys

from shoal.daemon import main

sys.exit(main())
