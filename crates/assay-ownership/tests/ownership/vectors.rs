//! Vectors of other networks: standards' own, and those of a publisher of reserve lists (okx/proof-of-reserves,
//! `common/crypto_test.go`).

use assay_ownership::{Assumption, Binding, CosmosKey, Evidence, Network, OwnershipError, Scheme, Unbound};

use super::{check, check_with};

/// Every vector verifies, and neither its message, nor its address, nor the network can be changed.
fn holds(
    network: Network<'_>,
    address: &str,
    message: &str,
    signature: &str,
    public_key: Option<&str>,
    scheme: Scheme,
) {
    let signatures = [signature];
    let evidence = Evidence { signatures: &signatures, public_key, ..Evidence::default() };
    let control = check_with(network, address, message, evidence).unwrap();
    assert_eq!(control.scheme, scheme);
    assert_eq!(control.message, message.as_bytes());
    check_with(network, address, &format!("{message} "), evidence).unwrap_err();
    check_with(Network::Xrp, address, message, evidence).unwrap_err();
    for at in [address.len() - 1, address.len() / 2] {
        let mut other = address.as_bytes().to_vec();
        other[at] = if other[at] == b'4' { b'5' } else { b'4' };
        let other = String::from_utf8(other).unwrap();
        check_with(network, &other, message, evidence).unwrap_err();
    }
}

/// SEP-53, section "Test cases".
#[test]
fn sep53() {
    let address = "GBXFXNDLV4LSWA4VB7YIL5GBD7BVNR22SGBTDKMO2SBZZHDXSKZYCP7L";
    for (message, signature) in [
        (
            "Hello, World!",
            "fO5dbYhXUhBMhe6kId/cuVq/AfEnHRHEvsP8vXh03M1uLpi5e46yO2Q8rEBzu3feXQewcQE5GArp88u6ePK6BA==",
        ),
        (
            "こんにちは、世界！",
            "083536eb95ecf32dce59b07fe7a1fd8cf814b2ce46f40d2a16e4ea1f6cecd980e04e6fbef9d21f98011c785a81edb85f3776a6e7d942b435eb0adc07da4d4604",
        ),
    ] {
        holds(Network::Stellar, address, message, signature, None, Scheme::Sep53);
    }
}

/// ADR-36, a signature made by a wallet, from the tests of its `verifyADR36Amino`.
#[test]
fn adr36() {
    let address = "cosmos1m9l358xunhhwds0568za49mzhvuxx9uxre5tud";
    let signature =
        "vb78/y129cOiWyQkeFF8wCKZsOyzjpILnpEVZ72o5YUhEOmQZzVPcbUqWPLR7aZQ20j6vnYhIuCQN0HEG3igFg==";
    let network = Network::Cosmos { prefix: "cosmos", key: CosmosKey::Secp256k1 };
    let key = "A/MdHVpitzHNSdD1Zw3kY+L5PEIPyd9l6sD5i4aIfXp9";
    holds(network, address, address, signature, Some(key), Scheme::Adr36);
    assert_eq!(check(network, address, address, &[signature]), Err(OwnershipError::Unbound(Unbound::NoKey)));
}

#[test]
fn evm() {
    for (address, message, signature) in [
        (
            "0x52b311c52436789f3754bd199bf3886b8ccbab4c",
            "I am an OKX address",
            "0x98767aedf0ed8bad7413e7c2e6b134ae6baaf5d913c9a8e2659b93922edfbca90cf5fc97e6385aec280a2b7dcdf7d2a95e91f0d99632ab7ed0c167e5628d3d841c",
        ),
        (
            "0x07e47ed3c5a8ff59fb5d1df4051c34da67fc5547",
            "hello world",
            "0x9c271461e5876fac4e5a02aee7a877831a91cee6a24b75cafd8650ac72b2a5e5147e2e90558d4e38d113ff54e734f041687f41268d55ff7850791e1e2833dc061b",
        ),
        (
            "0xa28062bd708ce49e9311d6293def7df63f2b0816",
            "I am an Okcoin address",
            "0x462950c4dbbc0f2fb36002ba7e5c2a98dfae7d89203f4dbf152e03304edb444d670c8bbacb78072c4dc1184db245401c73ee1395715afbb8dd600ba6a63e3abc1b",
        ),
    ] {
        holds(Network::Evm { chain_id: 1 }, address, message, signature, None, Scheme::Eip191Keccak);
    }
    holds(
        Network::Evm { chain_id: 66 },
        "0xeb196a61f9a1e35bf5053b65aaa57c5541dcba86",
        "I am an OKX address",
        "0xe8df58ec46822f86a0a2fb547260ac55caeeb256916a8c2aabcc01cbdfc13ff264992f2127f3e1cc8e45bf936947c50c8ea097602712e6868526d7fccd9273bc1c",
        None,
        Scheme::Envelope,
    );
}

#[test]
fn tron() {
    holds(
        Network::Tron,
        "TEjxQjU3CxkFrSDcPfHwZXSuPpCpdQ27NJ",
        "hello world",
        "0xcd1e3903dc047ea881f7da1647fa3372f37ee6a1cf0726477a20e267408af43f3f9c3a43f7f15e6bf674c9f0776866b6d6a770ce998b29cc03f11f2cb98df5821c",
        None,
        Scheme::TronV1,
    );
}

#[test]
fn validators() {
    holds(
        Network::Beacon,
        "0x82f5af1eb567301d0f71fe56e4bf8aa6e4ffa00c9ac92a8f67aae056b7f19e18be645f6d46c7862de8f1342fc4786853",
        "hello world",
        "0x98d6aa7da816638b8c27a1b6ff9a46529948960743300814f0413499b04886cdc65f63b273461ebaf42be17f08ca01fa13c964bf5a2d988c5c7fe745b472a90dcc86b522543c70020b5ce525b5ffaf6e4e4a7ce80b40049a509b12c32045541a",
        None,
        Scheme::BlsEip191Keccak,
    );
}

#[test]
fn filecoin() {
    holds(
        Network::Filecoin,
        "f1lzszobfjwres2otlbitgpbeo6ha72sujwsdjy5i",
        "hello world",
        "0xcde439bce3471220be8d58eb09a35a8c11320f2cbaeb6714816972b044d059542acbd3618f90cbc5d4baa208105a0c0b0ebe98d4353f4ba1e2abda6a362103c81c",
        None,
        Scheme::Envelope,
    );
}

#[test]
fn cosmos_envelopes() {
    let terra = Network::Cosmos { prefix: "terra", key: CosmosKey::Secp256k1 };
    holds(
        terra,
        "terra1hf7afhf4y6wlxqvr7lx4pmct5gunczmnh9emsg",
        "hello world",
        "0x2fb7d2afb07123b7b7f843d601382f0d13535d3cc620db9bdd062f9d7ed0a6ec00f0fe1a075f882f3679e2c518fb009ebac62cf972f871ad2f40fc2cd85da53f1c",
        None,
        Scheme::Envelope,
    );
    let address = "ex1a0ugda5r0hc3vrzu9wyfkx22vz3g2y2paegqvc";
    let signature = "0xf4d27cc1407e186ae8cf5c3c4ac8c4bb7d20dda7b5de2b1b212e660cb1115f0b5c8a545ee4b18da7e8e78a6d03e094411ff82f0421dc96e364febdd4bd8b86d41c";
    let ethereum = Network::Cosmos { prefix: "ex", key: CosmosKey::EthSecp256k1 };
    holds(ethereum, address, "hello world", signature, None, Scheme::Envelope);
    // On a network with the other kind of key nobody could spend from that address.
    let usual = Network::Cosmos { prefix: "ex", key: CosmosKey::Secp256k1 };
    check(usual, address, "hello world", &[signature]).unwrap_err();
}

#[test]
fn edwards_keys() {
    for (network, address, key, signature, binding) in [
        (
            Network::Substrate { prefix: 0 },
            "15WXogcgXnHsZ1FeuNc6cg34i8R6JCXgWrDLNLERLLesJ7bf",
            "0xc776bfbeeeb0b1ddd1ce6cccf55ce795f5306bf63de37d72e5af50b3be23ce49",
            "0x996528cea9ae0ef66a0c1782cf281726f3e167906e9eb61161558c482f5b92b5439e0662b2b72906cd2a155903fed4b739652a4ddd97689618793e90d8f2d608",
            Binding::Key,
        ),
        (
            Network::Aptos,
            "0x327dd297dfacf7c2d8207aaa23c0f0e8bcaf4c1612febbf63b9f7376810b8ec8",
            "0x61f579fc779146304353027b425a216d8015889c5f3b715ad26135b862f3bf84",
            "0xe5eea05d4156e1aef7867739b86f560b3b6a14a9525b53b436b5ff16ce8ca9490d4e5586ddc469b43453cf9796d87a4c4d3ead5d8dd3a2e88026713ae866e30b",
            Binding::KeyHash,
        ),
        (
            Network::Ton,
            "EQA5rifVSCc8qQfpCXvq4zJGJPsA0EPCDoWdtg234INftsWj",
            "0x3d2696e3d5cbc9047b338e6a56552db1d43ca6e063bc7aa667b18005984372d2",
            "0xaa406900fdf658e793850d7d47798fa501098db4a6697ac460c1d2800152f40174d2705f1ec87b1a0b34434647b0efed2b7b70569bc00e8bbc3561c372aacc0b",
            Binding::WalletState,
        ),
    ] {
        holds(network, address, "hello world", signature, Some(key), Scheme::Envelope);
        let signatures = [signature];
        let evidence = Evidence { signatures: &signatures, public_key: Some(key), ..Evidence::default() };
        assert_eq!(check_with(network, address, "hello world", evidence).unwrap().binding, binding);
    }
}

/// SS58 prefixes tell networks apart.
#[test]
fn substrate_prefix() {
    let error = check(
        Network::Substrate { prefix: 2 },
        "15WXogcgXnHsZ1FeuNc6cg34i8R6JCXgWrDLNLERLLesJ7bf",
        "m",
        &["00"],
    );
    assert!(matches!(error, Err(OwnershipError::Undecodable { .. })));
}

#[test]
fn what_stays_open_is_said() {
    let signature = "0xcd1e3903dc047ea881f7da1647fa3372f37ee6a1cf0726477a20e267408af43f3f9c3a43f7f15e6bf674c9f0776866b6d6a770ce998b29cc03f11f2cb98df5821c";
    let control =
        check(Network::Tron, "TEjxQjU3CxkFrSDcPfHwZXSuPpCpdQ27NJ", "hello world", &[signature]).unwrap();
    assert_eq!(control.assumed, [Assumption::AccountAuthority]);
}
