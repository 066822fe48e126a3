"""`python -m onepark.app.cli`: the same program without an installed script.

Owns: nothing but that way in.
Never: does more than the script does.
"""

from onepark.app.cli import main

main()
