"""``python -m nova_timeline`` is the command ``nova-timeline``."""

import sys

from nova_timeline.cli import main

sys.exit(main())
