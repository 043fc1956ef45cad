//! What verifying one claim costs, by scheme: `cargo run --release -p assay-ownership --example verification_cost`.
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::time::Instant;

use assay_ownership::{AccountClass, Claim, Evidence, Network, verify};

const ROUNDS: u32 = 500;

fn main() {
    let okx = "I am an OKX address";
    let two = [
        "H2vshvcYTGrUw0XG1AundmbivdrhTWUOTqcXKhN+MqbaEfVYfGkgDhEumiJoEJFhlzuma6bBpg4pXNUHoTENOPI=",
        "H1eFA8Y2woAnDqxamcLDMVDr4Jd8g6PiagExWCyzvZNZU8xZ2TKV2RNcbXArRgUfniLzgJFvzmBEUC6vgM5bd7A=",
    ];
    let script = "522103447bead626f13c79de937c0879b64172e5984456a47350b44e8bd23a02e6895e2103864969c155d42c5f61999bcaafeadfc8574b033142f03b5bf3025c6794570b952103304fa164de84f710e44a563f5038d355d6a36a1d7f25695cba884f0b4b6d184653ae";
    let one = |signature: &'static str| vec![signature];
    // okx/go-wallet-sdk, `coins/starknet/account_constants.go`.
    let class: Result<AccountClass, _> = serde_json::from_str(
        r#"{"class_hash": "0x3530cc4759d78042f1b543bf797f5f3d647cde0388c33734cf91b7f7b9314a9", "calldata": [
        "0x309c042d3729173c7f2f91a34f04d8c509c1b292d334679ef1aabf8da0899cc",
        "0x79dc0da7c54b95f10aa182ad0a46400db63156920adb65eca2654c0945a463", "0x2", "key", "0x0"]}"#,
    );
    let classes: Vec<AccountClass> = class.into_iter().collect();
    let rows = [
        (
            "signed message, P2PKH",
            Network::Bitcoin,
            "1DcT5Wij5tfb3oVViF8mA8p4WrG98ahZPT",
            okx,
            one("IA1jDx3zkn4J4F6mCVU68Vm7TwNf+bCsp+hKo3LwV/Y+PlZEoNsajnAHqd/FrEmv5/VAGz7pPiWPOXjmCLRfxIM="),
            None,
            None,
        ),
        (
            "signed messages, 2-of-3 P2SH",
            Network::Bitcoin,
            "3Fs7C97NmvhWUZ2pSjth9YbTxMv4sk9nHi",
            "I am a OKX address",
            two.to_vec(),
            None,
            Some(script),
        ),
        (
            "BIP-322 simple, P2WPKH",
            Network::Bitcoin,
            "bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l",
            "",
            one(
                "smpAkcwRAIgM2gBAQqvZX15ZiysmKmQpDrG83avLIT492QBzLnQIxYCIBaTpOaD20qRlEylyxFSeEA2ba9YOixpX8z46TSDtS40ASECx/EgAxlkQpQ9hYjgGu6EBCPMVPwVIVJqO4XCsMvViHI=",
            ),
            None,
            None,
        ),
        (
            "BIP-322 simple, taproot",
            Network::Bitcoin,
            "bc1pss0zhytly75awhm6x2hhvd5lnzv3vssgrf9axfheq8ldyzn88ges79fler",
            "No prefix fallback",
            one("AUCJYOwOjxYAvatTAGYaVlNXBVyFuc4MwNQkOuK2tl8xhfKDONd0NjfYyNSYcRqeCp8hsAnCEPHAVEkO9h6vbQ/R"),
            None,
            None,
        ),
        (
            "EIP-191 of the Keccak-256",
            Network::Evm { chain_id: 1 },
            "0x52b311c52436789f3754bd199bf3886b8ccbab4c",
            okx,
            one(
                "0x98767aedf0ed8bad7413e7c2e6b134ae6baaf5d913c9a8e2659b93922edfbca90cf5fc97e6385aec280a2b7dcdf7d2a95e91f0d99632ab7ed0c167e5628d3d841c",
            ),
            None,
            None,
        ),
        (
            "Ed25519, SEP-53",
            Network::Stellar,
            "GBXFXNDLV4LSWA4VB7YIL5GBD7BVNR22SGBTDKMO2SBZZHDXSKZYCP7L",
            "Hello, World!",
            one("fO5dbYhXUhBMhe6kId/cuVq/AfEnHRHEvsP8vXh03M1uLpi5e46yO2Q8rEBzu3feXQewcQE5GArp88u6ePK6BA=="),
            None,
            None,
        ),
        (
            "Ed25519, envelope, TON wallet",
            Network::Ton,
            "EQA5rifVSCc8qQfpCXvq4zJGJPsA0EPCDoWdtg234INftsWj",
            "hello world",
            one(
                "0xaa406900fdf658e793850d7d47798fa501098db4a6697ac460c1d2800152f40174d2705f1ec87b1a0b34434647b0efed2b7b70569bc00e8bbc3561c372aacc0b",
            ),
            Some("0x3d2696e3d5cbc9047b338e6a56552db1d43ca6e063bc7aa667b18005984372d2"),
            None,
        ),
        (
            "BLS12-381, validator",
            Network::Beacon,
            "0x82f5af1eb567301d0f71fe56e4bf8aa6e4ffa00c9ac92a8f67aae056b7f19e18be645f6d46c7862de8f1342fc4786853",
            "hello world",
            one(
                "0x98d6aa7da816638b8c27a1b6ff9a46529948960743300814f0413499b04886cdc65f63b273461ebaf42be17f08ca01fa13c964bf5a2d988c5c7fe745b472a90dcc86b522543c70020b5ce525b5ffaf6e4e4a7ce80b40049a509b12c32045541a",
            ),
            None,
            None,
        ),
        (
            "SNIP-12, account's own class",
            Network::Starknet { classes: &classes },
            "0x03b7f0b02b63683eca1639fb2d5dfa1021628d4ee728b03bc0ac2be66edc32f1",
            "OKC_DTT_AUP2025",
            one(
                "04550efc3034895232cac30b73677c81cf949e7428d9629eda85b83e60614f45061639b572eb88f82f304b6a3ad4f2392a835e5582b918da53ddaaee4e342ea0",
            ),
            Some("0x6459074aa056e6dfb18539e414720ca7518b4d9b6d9a9fa0a3a64b8e2287963"),
            None,
        ),
    ];
    println!("{:<32} {:>12}", "claim", "microseconds");
    for (name, network, address, message, signatures, public_key, script) in rows {
        let evidence = Evidence { signatures: &signatures, public_key, script, ..Evidence::default() };
        let claim = Claim { network, address, message: message.as_bytes(), evidence, facts: &[] };
        let start = Instant::now();
        let verified = (0..ROUNDS).filter(|_| verify(&claim).is_ok()).count();
        let each = start.elapsed() / ROUNDS;
        let note = if verified == ROUNDS as usize { "" } else { "  NOT VERIFIED" };
        println!("{name:<32} {:>12}{note}", each.as_micros());
    }
}
