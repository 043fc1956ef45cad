#!/usr/bin/env python3
"""A second implementation of the commitment, after the protocol chapter of the book and nothing else.

It recomputes every value of commitment.json from the inputs that stand there, with plain integers and the standard
library only, and exits with 1 if one differs. Only the numbers of the permutation are copied, from p3-koala-bear 0.8.0;
its layers are written as matrices, and each digest as the chapter defines it.

    reference.py [commitment.json]
"""

import json
import sys
import unicodedata
from pathlib import Path

P = 2**31 - 2**24 + 1
VERSION = 1

# Round constants of Poseidon2 on 16 elements: 4 full rounds, 20 partial rounds, 4 full rounds.
FULL_FIRST = [
    0x7ee56a48, 0x11367045, 0x12e41941, 0x7ebbc12b, 0x1970b7d5, 0x662b60e8, 0x3e4990c6, 0x679f91f5,
    0x350813bb, 0x00874ad4, 0x28a0081a, 0x18fa5872, 0x5f25b071, 0x5e5d5998, 0x5e6fd3e7, 0x5b2e2660,
    0x6f1837bf, 0x3fe6182b, 0x1edd7ac5, 0x57470d00, 0x43d486d5, 0x1982c70f, 0x0ea53af9, 0x61d6165b,
    0x51639c00, 0x2dec352c, 0x2950e531, 0x2d2cb947, 0x08256cef, 0x1a0109f6, 0x1f51faf3, 0x5cef1c62,
    0x3d65e50e, 0x33d91626, 0x133d5a1e, 0x0ff49b0d, 0x38900cd1, 0x2c22cc3f, 0x28852bb2, 0x06c65a02,
    0x7b2cf7bc, 0x68016e1a, 0x15e16bc0, 0x5248149a, 0x6dd212a0, 0x18d6830a, 0x5001be82, 0x64dac34e,
    0x5902b287, 0x426583a0, 0x0c921632, 0x3fe028a5, 0x245f8e49, 0x43bb297e, 0x7873dbd9, 0x3cc987df,
    0x286bb4ce, 0x640a8dcd, 0x512a8e36, 0x03a4cf55, 0x481837a2, 0x03d6da84, 0x73726ac7, 0x760e7fdf,
]
FULL_LAST = [
    0x43e7dc24, 0x259a5d61, 0x27e85a3b, 0x1b9133fa, 0x343e5628, 0x485cd4c2, 0x16e269f5, 0x165b60c6,
    0x25f683d9, 0x124f81f9, 0x174331f9, 0x77344dc5, 0x5a821dba, 0x5fc4177f, 0x54153bf5, 0x5e3f1194,
    0x3bdbf191, 0x088c84a3, 0x68256c9b, 0x3c90bbc6, 0x6846166a, 0x03f4238d, 0x463335fb, 0x5e3d3551,
    0x6e59ae6f, 0x32d06cc0, 0x596293f3, 0x6c87edb2, 0x08fc60b5, 0x34bcca80, 0x24f007f3, 0x62731c6f,
    0x1e1db6c6, 0x0ca409bb, 0x585c1e78, 0x56e94edc, 0x16d22734, 0x18e11467, 0x7b2c3730, 0x770075e4,
    0x35d1b18c, 0x22be3db5, 0x4fb1fbb7, 0x477cb3ed, 0x7d5311c6, 0x5b62ae7d, 0x559c5fa8, 0x77f15048,
    0x3211570b, 0x490fef6a, 0x77ec311f, 0x2247171b, 0x4e0ac711, 0x2edf69c9, 0x3b5a8850, 0x65809421,
    0x5619b4aa, 0x362019a7, 0x6bf9d4ed, 0x5b413dff, 0x617e181e, 0x5e7ab57b, 0x33ad7833, 0x3466c7ca,
]
PARTIAL = [
    0x54dfeb5d, 0x7d40afd6, 0x722cb316, 0x106a4573, 0x45a7ccdb, 0x44061375, 0x154077a5, 0x45744faa,
    0x4eb5e5ee, 0x3794e83f, 0x47c7093c, 0x5694903c, 0x69cb6299, 0x373df84c, 0x46a0df58, 0x46b8758a,
    0x3241ebcb, 0x0b09d233, 0x1af42357, 0x1e66cec2,
]


def inverse(number):
    return pow(number, P - 2, P)


def power(exponent):
    """A power of 1/2."""
    return inverse(2**exponent)


# The matrix of a full round: blocks of 4 x 4, twice this one on the diagonal and once elsewhere.
BLOCK = [[2, 3, 1, 1], [1, 2, 3, 1], [1, 1, 2, 3], [3, 1, 1, 2]]
FULL_MATRIX = [[BLOCK[i % 4][j % 4] * (2 if i // 4 == j // 4 else 1) for j in range(16)] for i in range(16)]

# The matrix of a partial round: ones, and this on top of the diagonal.
DIAGONAL = [-2, 1, 2, power(1), 3, 4, -power(1), -3, -4, power(8), power(3), power(24), -power(8), -power(3), -power(4),
            -power(24)]
PARTIAL_MATRIX = [[1 + (DIAGONAL[i] if i == j else 0) for j in range(16)] for i in range(16)]


def times(matrix, state):
    return [sum(a * b for a, b in zip(row, state)) % P for row in matrix]


def permutation(state):
    state = times(FULL_MATRIX, state)
    for rounds in (FULL_FIRST, None, FULL_LAST):
        if rounds is None:
            for constant in PARTIAL:
                state = times(PARTIAL_MATRIX, [pow(state[0] + constant, 3, P)] + state[1:])
            continue
        for start in range(0, 64, 16):
            state = [pow(x + c, 3, P) for x, c in zip(state, rounds[start:start + 16])]
            state = times(FULL_MATRIX, state)
    return state


TAGS = {"entity": 1, "assets": 2, "epoch": 3, "uid": 4, "account_key": 5, "salt": 6, "root": 7, "circuit": 8}
ROW_TAGS = {"header": 0x101, "entries": 0x102, "node": 0x103, "totals": 0x104}
PRODUCTS = [{"name": name, "collateral": 2 + i} for i, name in enumerate(["loan", "margin", "portfolio"])]


def kinds(products=PRODUCTS):
    """Numbers of kinds by name."""
    found = {"equity": 0, "debt": 1}
    for product in products:
        found["collateral_" + product["name"]] = product["collateral"]
        if product.get("debt"):
            found["debt_" + product["name"]] = product["debt"]
    return found


def sponge(tag, message):
    assert all(0 <= element < P for element in message)
    state = [0] * 8 + [TAGS[tag], VERSION, len(message)] + [0] * 5
    padded = message + [0] * (-len(message) % 8) or [0] * 8
    for start in range(0, len(padded), 8):
        state = permutation(padded[start:start + 8] + state[8:])
    return state[:8]


def compress(tag, row):
    assert len(row) == 16
    out = [(a + b) % P for a, b in zip(permutation(row), row)]
    for place in (0, 8):
        out[place] = (out[place] + ROW_TAGS[tag]) % P
    return out[:8], out[8:]


def in_threes(text):
    return [int.from_bytes(text[start:start + 3], "little") for start in range(0, len(text), 3)]


def of_bytes(text):
    return [len(text)] + in_threes(text)


def of_u64(number):
    return [number % 2**22, number // 2**22 % 2**22, number // 2**44]


def hexadecimal(elements):
    return b"".join(element.to_bytes(4, "little") for element in elements).hex()


def elements(digits):
    found = [int.from_bytes(bytes.fromhex(digits[start:start + 8]), "little") for start in range(0, len(digits), 8)]
    assert all(element < P for element in found)
    return found


def entity_digest(name):
    return sponge("entity", of_bytes(name.encode()))


def asset_table_digest(table, products=PRODUCTS):
    table = sorted(table, key=lambda asset: asset["symbol"].encode())
    message = [0, 3, len(table)]
    for asset in table:
        message += of_bytes(asset["symbol"].encode()) + [asset["decimals"]]
        price = asset.get("price")
        message += [1] + of_u64(int(price["mantissa"])) + [price["scale"]] + price_record(price.get("record")) if price else [0]
        message.append(len(asset["haircuts"]))
        for haircuts in asset["haircuts"]:
            message += [kinds(products)[haircuts["kind"]], len(haircuts["tiers"])]
            for up_to, percent in haircuts["tiers"]:
                message += of_u64(up_to) + [percent]
        cap = asset.get("supply_cap")
        message += [1] + of_u64(int(cap)) if cap is not None else [0]
    products = sorted(products, key=lambda product: product["collateral"])
    message.append(len(products))
    for product in products:
        message += of_bytes(product["name"].encode()) + [product["collateral"], product.get("debt") or 0]
    return sponge("assets", message)


def price_record(record):
    if not record:
        return [0]
    grade = ["unverified", "verified"].index(record["grade"])
    method = {"median": 1}[record["method"]]
    times = of_u64(record["oldest"]) + of_u64(record["newest"])
    file = of_bytes(bytes.fromhex(record["file"]))
    return [1, grade, method, record["sources"]] + times + of_u64(record["deviation_ppm"]) + file


def epoch_digest(entity, name, time, assets):
    return sponge("epoch", entity + of_bytes(name.encode()) + of_u64(time) + assets)


def canonical_uid(typed):
    uid = unicodedata.normalize("NFC", typed.strip()).encode()
    assert 1 <= len(uid) <= 512
    return uid


def uid_digest(entity, typed):
    return sponge("uid", entity + of_bytes(canonical_uid(typed)))


def account_key(epoch, uid):
    return sponge("account_key", epoch + uid)


def salt(secret, epoch, uid):
    return sponge("salt", in_threes(secret) + [0] * 5 + epoch + uid)[:7]


def entry_block(table, entry):
    symbols = sorted((asset["symbol"] for asset in table), key=str.encode)
    amount = int(entry["amount"])
    assert 0 <= amount < 2**90
    key = 8 * (symbols.index(entry["asset"]) + 1) + kinds()[entry["kind"]]
    return [key, amount % 2**30, amount // 2**30 % 2**30, amount // 2**60]


def leaf(key, salt, blocks):
    assert all(a[0] < b[0] for a, b in zip(blocks, blocks[1:]))
    low, chain = compress("header", key + salt + [len(blocks)])
    for start in range(0, len(blocks), 2):
        pair = blocks[start:start + 2]
        low, chain = compress("entries", pair[0] + (pair[1] if len(pair) == 2 else [0] * 4) + chain)
    return low


def node(left, right):
    return compress("node", left + right)[0]


EMPTY = in_threes(b"Assay: no accounts here.")
SUBTREE_DEPTH = 18


def top(digests, depth):
    for _ in range(depth):
        digests = digests + [EMPTY] * (len(digests) % 2)
        digests = [node(digests[i], digests[i + 1]) for i in range(0, len(digests), 2)]
    assert len(digests) == 1
    return digests[0]


def upper_depth(segments):
    return (segments - 1).bit_length()


def published_root(epoch, depth, digest):
    return sponge("root", epoch + [depth] + digest)


def verify_receipt(receipt, typed, entity_name, table, root):
    """The receipt check of the chapter; an assertion fails where it is to be rejected."""
    assert receipt["format"] == "assay-receipt" and receipt["version"] == 1
    assert receipt["entity"] == entity_name and elements(receipt["root"]) == root
    entity = entity_digest(entity_name)
    epoch = epoch_digest(entity, receipt["epoch"]["id"], receipt["epoch"]["time"], asset_table_digest(table))
    key = account_key(epoch, uid_digest(entity, typed))
    digest = leaf(key, elements(receipt["salt"]), [entry_block(table, entry) for entry in receipt["entries"]])
    path, position = receipt["path"], receipt["position"]
    assert SUBTREE_DEPTH <= len(path) <= 32 and 0 <= position < 2 ** len(path)
    for level, sibling in enumerate(map(elements, path)):
        assert sibling != digest
        digest = node(sibling, digest) if position >> level & 1 else node(digest, sibling)
    assert published_root(epoch, len(path), digest) == root


def check(vectors):
    """Compares all values; returns how many there are."""
    count = 0

    def same(name, found, expected):
        nonlocal count
        count += 1
        if hexadecimal(found) != expected:
            sys.exit(f"{name}: {hexadecimal(found)} here, {expected} in the file")

    for case in vectors["permutation"]:
        same("permutation", permutation(elements(case["input"])), case["output"])
    for case in vectors["sponge"]:
        same(f"sponge {case['tag']}", sponge(case["tag"], elements(case["message"])), case["digest"])
    assert {case["tag"] for case in vectors["sponge"]} == set(TAGS)
    for case in vectors["compress"]:
        low, chain = compress(case["tag"], elements(case["row"]))
        same(f"compress {case['tag']}", low, case["low"])
        same(f"compress {case['tag']}", chain, case["chain"])
    assert {case["tag"] for case in vectors["compress"]} == set(ROW_TAGS)

    for case in vectors["entity"]:
        same("entity", entity_digest(case["name"]), case["digest"])
    for case in vectors["asset_table"]:
        same("asset table", asset_table_digest(case["assets"], case["products"]), case["digest"])

    world = vectors["world"]
    entity = entity_digest(world["entity"])
    table = world["assets"]
    epoch = epoch_digest(entity, world["epoch"]["id"], world["epoch"]["time"], asset_table_digest(table))
    same("epoch", epoch, world["epoch_digest"])
    secret = bytes.fromhex(world["secret"])
    leaves = []
    for account in world["accounts"]:
        uid = uid_digest(entity, account["uid"])
        same("uid", uid, account["uid_digest"])
        key = account_key(epoch, uid)
        same("account key", key, account["account_key"])
        number = key[0] * 2**31 + key[1]
        assert str(number) == account["leaf_key"]
        hidden = salt(secret, epoch, uid)
        same("salt", hidden, account["salt"])
        digest = leaf(key, hidden, [entry_block(table, entry) for entry in account["entries"]])
        same("leaf", digest, account["leaf"])
        leaves.append((number, digest))
    leaves = [digest for _, digest in sorted(leaves)]

    same("empty", EMPTY, vectors["empty"])
    for case in vectors["node"]:
        same("node", node(elements(case["left"]), elements(case["right"])), case["digest"])

    tree = vectors["tree"]
    tops, start = [], 0
    for segment in tree["segments"]:
        tops.append(top(leaves[start:start + segment["accounts"]], SUBTREE_DEPTH))
        same("top of a segment", tops[-1], segment["top"])
        start += segment["accounts"]
    assert start == len(leaves)
    depth = upper_depth(len(tops))
    whole = top(tops, depth)
    same("top", whole, tree["top"])
    root = published_root(epoch, SUBTREE_DEPTH + depth, whole)
    same("root", root, tree["root"])
    assert tree["depth"] == SUBTREE_DEPTH + depth

    for case in vectors["receipts"]:
        verify_receipt(case["receipt"], case["uid"], world["entity"], table, root)
        count += 1
    return count


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("commitment.json")
    print(f"{check(json.loads(path.read_text(encoding='utf-8')))} values agree")
