"""Runs several redfishtool commands (DMTF) in one process, because starting Python for each takes longer than the command.

Usage: drive_redfishtool.py <JSON list of argument lists>

Prints one JSON list with what each command printed; the first that fails ends it with a non-zero exit.
"""

import contextlib
import io
import json
import os
import sys
import warnings

from redfishtoollib import main

warnings.filterwarnings("ignore")
# An environment that names a certificate bundle makes the requests library verify what redfishtool asked it not to.
os.environ.pop("REQUESTS_CA_BUNDLE", None)
os.environ.pop("CURL_CA_BUNDLE", None)


def run(arguments):
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            main(["redfishtool", *arguments])
    except SystemExit as end:
        if end.code:
            sys.exit(f"redfishtool {arguments} ended with {end.code}: {printed.getvalue()}")
    return printed.getvalue()


print(json.dumps([run(arguments) for arguments in json.loads(sys.argv[1])]))
