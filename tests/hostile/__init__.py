"""Files that nobody wrote in good faith: every reader of affmem takes them, or says no in a line.

python -m tests.hostile                   # all readers, over 100,000 files
python -m tests.hostile video --cases 500
python -m tests.hostile picture --atheris # guided by what code a file reaches
"""
