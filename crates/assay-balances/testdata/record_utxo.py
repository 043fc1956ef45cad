#!/usr/bin/env python3
"""Records a snapshot of all unspent outputs of a fresh regtest node of one's own: record_utxo.py URL BITCOIND_DATA OUT

Writes OUT.dat (`dumptxoutset` of a block below the tip, which the node rolls back to) and OUT.json (what the node says of that
block: hashes, height, and balances of some addresses by `scantxoutset` at the time). Outputs are of every kind of script that a
snapshot writes in a form of its own.
"""

import base64
import json
import os
import sys
import urllib.parse
import urllib.request

# The generator of secp256k1 and twice it, as whole keys.
KEYS = [
    "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
    "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
    "04c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5"
    "1ae168fea63dc339a3c58419466ceaeef7f632653266d0e1236431a950cfe52a",
]


def caller(url):
    parts = urllib.parse.urlsplit(url)
    pair = base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()
    headers = {"content-type": "application/json", "authorization": "Basic " + pair}

    def call(method, *params, path=""):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(f"{parts.scheme}://{parts.hostname}:{parts.port}{path}", body, headers)
        try:
            reply = json.load(urllib.request.urlopen(request, timeout=120))
        except urllib.error.HTTPError as error:
            reply = json.load(error)
        if reply.get("error"):
            raise SystemExit(f"{method}: {reply['error']}")
        return reply["result"]

    return call


def main(url, data, out):
    call = caller(url)
    call("createwallet", "utxo")
    wallet = lambda method, *params: call(method, *params, path="/wallet/utxo")
    home = wallet("getnewaddress", "", "bech32")
    call("generatetoaddress", 110, home)
    addresses = [wallet("getnewaddress", "", kind) for kind in ("legacy", "p2sh-segwit", "bech32", "bech32m")]
    for place, address in enumerate(addresses):
        # Amounts with and without zeros at their end.
        for amount in (f"{place + 1}.00000000", f"0.{place + 1}2345678", "0.00000546"):
            wallet("sendtoaddress", address, amount)
    call("generatetoaddress", 1, home)
    # One transaction that nodes don't pass on, with outputs to plain keys, whole and compressed, and to a bare script.
    half = lambda key: ("03" if int(key[-1], 16) % 2 else "02") + key[2:66]
    scripts = [f"41{key}ac" for key in KEYS] + [f"21{half(key)}ac" for key in KEYS] + ["51"]
    outputs = b"".join(
        int(10**6 * (at + 1)).to_bytes(8, "little") + bytes([len(script) // 2]) + bytes.fromhex(script)
        for at, script in enumerate(scripts)
    )
    raw = (b"\x02\0\0\0" + b"\0" + bytes([len(scripts)]) + outputs + b"\0\0\0\0").hex()
    funded = wallet("fundrawtransaction", raw)["hex"]
    call("generateblock", home, [wallet("signrawtransactionwithwallet", funded)["hex"]])
    height = call("getblockcount")
    scan = call("scantxoutset", "start", [f"addr({address})" for address in addresses])
    balances = {address: 0 for address in addresses}
    for unspent in scan["unspents"]:
        for address in addresses:
            if call("validateaddress", address)["scriptPubKey"] == unspent["scriptPubKey"]:
                balances[address] += round(unspent["amount"] * 10**8)
    # What comes later doesn't count.
    wallet("sendtoaddress", addresses[0], "7")
    call("generatetoaddress", 3, home)
    path = os.path.join(os.path.abspath(data), "snapshot.dat")
    dumped = call("dumptxoutset", path, "rollback", {"rollback": height})
    info = call("gettxoutsetinfo", "hash_serialized_3") if dumped["base_height"] == call("getblockcount") else {}
    assert info.get("hash_serialized_3", dumped["txoutset_hash"]) == dumped["txoutset_hash"]
    os.replace(path, out + ".dat")
    said = {"height": height, "hash": dumped["base_hash"], "set": dumped["txoutset_hash"], "outputs": dumped["coins_written"]}
    with open(out + ".json", "w") as file:
        json.dump({**said, "balances": balances}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
