import sys
from pathlib import Path

# What tests of C share lies in modules beside them.
sys.path.insert(0, str(Path(__file__).parent))
