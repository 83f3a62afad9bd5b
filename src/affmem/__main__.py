"""`python -m affmem` is `affmem`."""

from affmem.cli import main

if __name__ == "__main__":
    main(prog_name="affmem")
