#!/usr/bin/env python3
"""Puts known balances on fresh nodes of one's own: prepare.py evm URL | prepare.py bitcoin URL | prepare.py demo URL

EVM: a development node (anvil). Holders with coins and a token, a contract with the storage of a 2-of-3 Safe, a wallet that
checks its owner's signature, one that answers every signature with yes, and 20 blocks. Bitcoin: a regtest node with an empty wallet of the name "w"; 110 blocks,
two payments to addresses that tests know, and one block on top. Demo: a development node with the demo's wallets.
"""

import base64
import json
import sys
import time
import urllib.parse
import urllib.request

# balanceOf of a Solidity mapping at slot 0, whatever the selector.
TOKEN_CODE = "0x6004355f52600060205260405f20545f5260205ff3"
TOKEN = "0x" + "70" * 20
SUPPLY = "0x" + "0" * 63 + "2"
SAFE = "0x" + "5a" * 20
SINGLETON = "5b" * 20
# isValidSignature(hash, 65 bytes): 0x1626ba7e, padded, if ecrecover gives the address in slot 0; else it reverts.
WALLET_CODE = (
    "0x6004355f52"  # hash
    "60a4355f1a602052"  # v, the first byte behind r and s
    "606435604052" "608435606052"  # r, s
    "6020608060805f60015afa50"  # ecrecover
    "6080515f5414"  # the owner's address?
    "5f3560e01c631626ba7e1416"  # and the selector?
    "603d575f5ffd"  # revert if not
    "5b631626ba7e60e01b5f5260205ff3"
)
WALLET = "0x" + "34" * 20
# The address of the key 0x0101...01.
OWNER = "1a642f0e3c3af545e7acbd38b07251b3990914f1"
# Returns 0x1626ba7e, padded, whatever it is asked.
YES_CODE = "0x631626ba7e60e01b60005260206000f3"
YES = "0x" + "12" * 20
OWNERS = ["a1" * 20, "a2" * 20, "a3" * 20]
SENTINEL = "00" * 19 + "01"


def caller(url):
    parts = urllib.parse.urlsplit(url)
    headers = {"content-type": "application/json"}
    if parts.username:
        pair = f"{parts.username}:{parts.password}".encode()
        headers["authorization"] = "Basic " + base64.b64encode(pair).decode()
    plain = f"{parts.scheme}://{parts.hostname}:{parts.port}{parts.path}"

    def call(method, *params, path=""):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        # A Bitcoin node that starts up says so with code -28.
        for _ in range(120):
            try:
                reply = json.load(urllib.request.urlopen(urllib.request.Request(plain + path, body, headers), timeout=120))
            except urllib.error.HTTPError as error:
                reply = json.load(error)
            if (reply.get("error") or {}).get("code") != -28:
                break
            time.sleep(0.5)
        if reply.get("error"):
            raise SystemExit(f"{method}: {reply['error']}")
        return reply["result"]

    return call


def evm(call):
    keccak = lambda digits: call("web3_sha3", "0x" + digits)
    pad = lambda digits: digits.rjust(64, "0")
    call("anvil_setCode", TOKEN, TOKEN_CODE)
    for i in range(70):
        holder = f"{0xa000 + i:040x}"
        call("anvil_setBalance", "0x" + holder, hex(10**18 + i))
        call("anvil_setStorageAt", TOKEN, keccak(pad(holder) + pad("0")), f"0x{10**6 + i:064x}")
    call("anvil_setStorageAt", TOKEN, SUPPLY, f"0x{sum(10**6 + i for i in range(70)):064x}")
    call("anvil_setBalance", SAFE, hex(5 * 10**18))
    safe(call, OWNERS)
    for wallet, code in [(WALLET, WALLET_CODE), (YES, YES_CODE)]:
        call("anvil_setCode", wallet, code)
        call("anvil_setBalance", wallet, hex(2 * 10**18))
    call("anvil_setStorageAt", WALLET, "0x" + "0" * 64, "0x" + pad(OWNER))
    call("anvil_mine", "0x14")
    # A balance that was lower at an earlier height.
    call("anvil_setBalance", f"0x{0xa000:040x}", hex(3 * 10**18))
    call("anvil_mine", "0x5")


def safe(call, owners):
    keccak = lambda digits: call("web3_sha3", "0x" + digits)
    pad = lambda digits: digits.rjust(64, "0")
    call("anvil_setCode", SAFE, "0x600035")
    links = [SENTINEL, *owners, SENTINEL]
    slots = {pad("0"): SINGLETON, pad("3"): "3", pad("4"): "2", keccak(pad(SENTINEL) + pad("1"))[2:]: SENTINEL}
    for at, then in zip(links, links[1:]):
        slots[keccak(pad(at) + pad("2"))[2:]] = then
    for slot, value in slots.items():
        call("anvil_setStorageAt", SAFE, "0x" + slot, "0x" + pad(value))


def demo(call):
    # Addresses of the keys 0x0101...01, 0x0202...02 and 0x0303...03.
    owners = [OWNER, "5050a4f4b3f9338c3472dcc01a87c76a144b3c9c",
              "3325a78425f17a7e487eb5666b2bfd93abb06c70"]
    pad = lambda digits: digits.rjust(64, "0")
    call("anvil_setCode", TOKEN, TOKEN_CODE)
    call("anvil_setStorageAt", TOKEN, call("web3_sha3", "0x" + pad(owners[1]) + pad("0")), f"0x{2**100:064x}")
    call("anvil_setBalance", "0x" + owners[0], hex(2**100))
    call("anvil_setBalance", SAFE, hex(2**100))
    safe(call, owners)
    call("anvil_mine", "0x14")


def bitcoin(call):
    call("createwallet", "w")
    address = call("getnewaddress", "", "bech32", path="/wallet/w")
    call("generatetoaddress", 110, address)
    for to, amount in [
        ("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", "1.25"),
        ("bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry", "0.00000546"),
    ]:
        call("sendtoaddress", to, amount, path="/wallet/w")
    call("generatetoaddress", 1, address)


if __name__ == "__main__":
    {"evm": evm, "bitcoin": bitcoin, "demo": demo}[sys.argv[1]](caller(sys.argv[2]))
