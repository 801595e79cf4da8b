"""What all tests share."""

import os
import sys

# The tests start migops by the hundred, and each worker reads all of them: what is compiled is kept, where the machine
# would rather have it compiled every time. Half of a short command's time is that.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

pytest_plugins = ["tests.engine.fixtures"]
