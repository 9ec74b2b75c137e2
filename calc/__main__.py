"""python -m calc"""

from calc.cli import main

if __name__ == "__main__":
    main()
