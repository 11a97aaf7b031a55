from __future__ import annotations

import ipaddress
import socket
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.node.addresses import HOST, pod_address, taken_port

pytestmark = pytest.mark.unit


@given(st.uuids())
def test_a_pod_keeps_its_address_and_it_is_a_loopback_one(uid: object) -> None:
    address = pod_address(str(uid))
    assert address == pod_address(str(uid))
    assert ipaddress.ip_address(address).is_loopback


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives each pod an address of its own")
def test_pods_have_addresses_of_their_own() -> None:
    addresses = {pod_address(f"uid-{number}") for number in range(50)}
    assert len(addresses) == 50
    assert HOST not in addresses


def test_the_taken_port_is_named() -> None:
    with socket.socket() as listener, socket.socket() as free:
        listener.bind((HOST, 0))
        listener.listen()
        free.bind((HOST, 0))
        taken, unused = listener.getsockname()[1], free.getsockname()[1]
        free.close()
        assert taken_port(HOST, [unused, taken]) == taken
        assert taken_port(HOST, [unused]) is None
        assert taken_port(HOST, []) is None
