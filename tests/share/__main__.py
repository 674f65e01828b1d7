"""Write the vectors again."""

import json

from tests.share.making import FILE, make

FILE.write_text(json.dumps(make(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
