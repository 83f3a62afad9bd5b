"""Files that nobody wrote in good faith: every reader of affmem takes them, or says no in a line.

PYTHONPATH=tests python -m hostile                   # all readers, over 100,000 files
PYTHONPATH=tests python -m hostile video --cases 500
PYTHONPATH=tests python -m hostile picture --atheris # guided by what code a file reaches
"""
