"""Drives one simulated BMC with sushy, the Redfish library of OpenStack Ironic.

Usage: drive.py <address> <username> <password> <image URL>

It is a judge from outside: it knows nothing about the lab. Prints one JSON object with what it saw; any surprise is an
exception and a non-zero exit.
"""

import json
import os
import sys
import time
import warnings

import sushy

warnings.filterwarnings("ignore")
# An environment that names a certificate bundle makes the requests library verify in spite of verify=False.
os.environ.pop("REQUESTS_CA_BUNDLE", None)
os.environ.pop("CURL_CA_BUNDLE", None)

POWER_TIMEOUT_S = 20


def wait_for(read, wanted):
    ends_at = time.monotonic() + POWER_TIMEOUT_S
    while True:
        seen = read()
        if seen == wanted:
            return seen
        if time.monotonic() > ends_at:
            raise TimeoutError(f"waited for {wanted}, last saw {seen}")
        time.sleep(0.05)


def power(root, path):
    """Reads a fresh system: a forced refresh would read its cached drives again, which an iLO refuses when it is off."""
    return root.get_system(path).power_state


def media_slots(system):
    """This sushy looks for media below the managers only."""
    return [slot for manager in system.managers for slot in manager.virtual_media.get_members()]


def main():
    address, username, password, image = sys.argv[1:5]
    auth = sushy.auth.SessionAuth(username, password)
    root = sushy.Sushy(address, auth=auth, verify=False)
    # A GPU baseboard is a system without a Reset action, which sushy cannot read at all.
    paths = [path for path in root.get_system_collection().members_identities if "HGX" not in path]
    system = root.get_system(paths[0])
    seen = {"identity": system.identity, "before": system.power_state.value}

    system.reset_system(sushy.RESET_ON)
    wait_for(lambda: power(root, paths[0]), sushy.POWER_STATE_ON)
    seen["processors"] = len(system.processors.get_members())
    seen["drives"] = sum(len(storage.drives) for storage in system.storage.get_members())

    cd = next(slot for slot in media_slots(system) if sushy.VIRTUAL_MEDIA_CD in slot.media_types)
    cd.insert_media(image)
    cd.refresh(force=True)
    seen["inserted"] = [cd.inserted, cd.image]

    # Some firmware refuses boot settings during the self-test; Ironic, too, sets them while the machine is off.
    system.reset_system(sushy.RESET_FORCE_OFF)
    wait_for(lambda: power(root, paths[0]), sushy.POWER_STATE_OFF)
    system.set_system_boot_options(
        target=sushy.BOOT_SOURCE_TARGET_CD,
        enabled=sushy.BOOT_SOURCE_ENABLED_ONCE,
        mode=sushy.BOOT_SOURCE_MODE_UEFI if system.boot.mode else None,
    )
    system = root.get_system(paths[0])
    seen["boot"] = [system.boot.enabled.value, system.boot.target.value]

    cd.eject_media()
    cd.refresh(force=True)
    seen["ejected"] = [cd.inserted, cd.image or None]
    auth.close()
    print(json.dumps(seen))


main()
