import sys
from pathlib import Path

# The double of a device lies beside the tests that import it.
sys.path.insert(0, str(Path(__file__).parent))
