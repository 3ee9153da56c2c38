#!/usr/bin/env python
"""The one command line: development and demo by default, production with DJANGO_SETTINGS_MODULE."""

import os
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scrm.settings.demo")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
