#!/usr/bin/env python3
"""Run a management command of alertadmin; `manage.py help` lists them."""

from alertadmin.__main__ import main

if __name__ == "__main__":
    main()
