import sys
from pathlib import Path

# What the benches share lies in `helpers`, beside the tests that import it.
sys.path.insert(0, str(Path(__file__).parent))
