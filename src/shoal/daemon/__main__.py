"""python -m shoal.daemon"""

import sys

from shoal.daemon.main import main

sys.exit(main())
