"""`python -m deploy.healthy ADDRESS`: ends with 0 if the address answers 200 within 3 s. A slim image has no curl."""

import sys

import urllib3


def main() -> int:
    try:
        answer = urllib3.request("GET", sys.argv[1], timeout=3.0, retries=False, redirect=False)
    except urllib3.exceptions.HTTPError:
        return 1
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
