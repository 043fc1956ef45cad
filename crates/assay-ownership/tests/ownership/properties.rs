//! Random evidence never verifies, and nothing panics.

use assay_ownership::{
    Claim, CosmosKey, Evidence, Fact, Network, Proved, Scheme, account, typed_data_hash, verify,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::keys::{base64, hex};

const NETWORKS: [Network<'_>; 32] = [
    Network::Bitcoin,
    Network::BitcoinTestnet,
    Network::BitcoinRegtest,
    Network::Litecoin,
    Network::Dogecoin,
    Network::BitcoinCash,
    Network::ECash,
    Network::BitcoinSv,
    Network::BitcoinGold,
    Network::Dash,
    Network::DigiByte,
    Network::Qtum,
    Network::Ravencoin,
    Network::Zcash,
    Network::Evm { chain_id: 1 },
    Network::Beacon,
    Network::Tron,
    Network::Solana,
    Network::Aptos,
    Network::Sui,
    Network::Ton,
    Network::Substrate { prefix: 0 },
    Network::Stellar,
    Network::Algorand,
    Network::Cardano,
    Network::Near,
    Network::Filecoin,
    Network::Cosmos { prefix: "cosmos", key: CosmosKey::Secp256k1 },
    Network::Cosmos { prefix: "terra", key: CosmosKey::EthSecp256k1 },
    Network::Eos,
    Network::Starknet { classes: &[] },
    Network::Xrp,
];

/// Good addresses, so that random evidence gets past them.
const ADDRESSES: [&str; 23] = [
    "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
    "3Fs7C97NmvhWUZ2pSjth9YbTxMv4sk9nHi",
    "bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l",
    "bc1qp0ahvfh83088w49k405szqgg4f3pptr7p2g06tdxfjcd40z4lh4q95lsz9",
    "bc1pss0zhytly75awhm6x2hhvd5lnzv3vssgrf9axfheq8ldyzn88ges79fler",
    "ltc1qzvcgmntglcuv4smv3lzj6k8szcvsrmvk0phrr9wfq8w493r096ssm2fgsw",
    "bitcoincash:ppgttg7kcfxv5tp83rlxwu69jxvu70kr3yyewl2ye4",
    "9vbpNnyNRZpSWzptDwxGhw2Vny2yJ4W9V2",
    "0x52b311c52436789f3754bd199bf3886b8ccbab4c",
    "0x82f5af1eb567301d0f71fe56e4bf8aa6e4ffa00c9ac92a8f67aae056b7f19e18be645f6d46c7862de8f1342fc4786853",
    "TEjxQjU3CxkFrSDcPfHwZXSuPpCpdQ27NJ",
    "7bzoTJhZmpU1vQVjN63fQ3iVYmWCVgQh1sYSqsjuapU9",
    "0x327dd297dfacf7c2d8207aaa23c0f0e8bcaf4c1612febbf63b9f7376810b8ec8",
    "EQA5rifVSCc8qQfpCXvq4zJGJPsA0EPCDoWdtg234INftsWj",
    "15WXogcgXnHsZ1FeuNc6cg34i8R6JCXgWrDLNLERLLesJ7bf",
    "GBXFXNDLV4LSWA4VB7YIL5GBD7BVNR22SGBTDKMO2SBZZHDXSKZYCP7L",
    "addr1vyyl69u8el0mwfjzdytxpmcwlstnpkchts5x2k3r768ds5qge6cps",
    "f1lzszobfjwres2otlbitgpbeo6ha72sujwsdjy5i",
    "cosmos1m9l358xunhhwds0568za49mzhvuxx9uxre5tud",
    "terra1hf7afhf4y6wlxqvr7lx4pmct5gunczmnh9emsg",
    "reserve12345",
    "98793cd91a3f870fb126f66285808c7e094afcfc4eda8a970f6648cdf0dbd6de",
    "0x03b7f0b02b63683eca1639fb2d5dfa1021628d4ee728b03bc0ac2be66edc32f1",
];

fn text() -> impl Strategy<Value = String> {
    let bytes = || vec(any::<u8>(), 0..150);
    let sized = prop_oneof![vec(any::<u8>(), 64), vec(any::<u8>(), 65), vec(any::<u8>(), 96)];
    prop_oneof![
        ".{0,80}",
        bytes().prop_map(|bytes| hex(&bytes)),
        bytes().prop_map(|bytes| base64(&bytes)),
        sized.prop_map(|bytes| hex(&bytes)),
        (27_u8..43, vec(any::<u8>(), 64)).prop_map(|(header, rest)| base64(&[&[header][..], &rest].concat())),
        bytes().prop_map(|bytes| format!("smp{}", base64(&bytes))),
        bytes().prop_map(|bytes| format!("ful{}", base64(&bytes))),
        bytes().prop_map(|bytes| format!("pof{}", base64(&[b"psbt\xff", &bytes[..]].concat()))),
        bytes().prop_map(|bytes| bitcoin::base58::encode(&bytes)),
        bytes().prop_map(|bytes| format!("SIG_K1_{}", bitcoin::base58::encode(&bytes))),
        bytes().prop_map(|bytes| format!("84{}", hex(&bytes))),
        ("0[0-7][0-9a-f]{62}", "0[0-7][0-9a-f]{62}").prop_map(|(r, s)| format!("{r}{s}")),
        "0x0[0-7][0-9a-f]{62}(:0x[0-9a-f]{1,63}){2,6}",
    ]
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => ".{0,100}",
        1 => text(),
        6 => prop::sample::select(&ADDRESSES[..]).prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6_000))]

    #[test]
    fn random_evidence_never_verifies(
        network in prop::sample::select(&NETWORKS[..]),
        address in address(),
        message in vec(any::<u8>(), 0..64),
        signatures in vec(text(), 0..4),
        public_key in option::of(text()),
        script in option::of(text()),
        typed_data in option::of(text()),
        scheme in option::weighted(0.1, prop::sample::select(&Scheme::ALL[..])),
    ) {
        let signatures: Vec<&str> = signatures.iter().map(String::as_str).collect();
        let evidence = Evidence {
            scheme,
            signatures: &signatures,
            public_key: public_key.as_deref(),
            script: script.as_deref(),
            typed_data: typed_data.as_deref(),
        };
        let somebody = [0x52; 20];
        let facts = [
            Fact { network, account: &somebody, height: 1, proved: Proved::NoCode },
            Fact { network: Network::Eos, account: b"reserve12345", height: 1, proved: Proved::PublicKey(&message) },
        ];
        let claim = Claim { network, address: &address, message: &message, evidence, facts: &facts };
        prop_assert!(verify(&claim).is_err());
        // On its own network, so that every family's evidence is read.
        for network in NETWORKS {
            let _ = account(network, &address);
            let outcome = verify(&Claim { network, ..claim });
            prop_assert!(outcome.is_err());
        }
    }

    #[test]
    fn typed_data_never_panics(json in r#"\{"types":\{"T":\[\{"name":"[a-z]","type":"(u?int[0-9]{0,3}|bytes[0-9]{0,2}|T|string|bool)(\[[0-9]?\]){0,2}"\}\]\},"primaryType":"T","domain":\{\},"message":\{"[a-z]":("?-?[0-9]{0,9}"?|\[.{0,9}\]|\{\}|true)\}\}"#) {
        let _ = typed_data_hash(&json);
    }
}

#[test]
fn names_of_schemes_are_distinct() {
    for scheme in Scheme::ALL {
        assert_eq!(Scheme::from_name(scheme.name()), Some(scheme));
    }
}
