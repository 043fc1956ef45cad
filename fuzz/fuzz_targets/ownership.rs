//! A row's signatures: nothing that a fuzzer finds verifies for addresses of keys that it can't have. The first byte
//! chooses network and address; message, script, typed data and signatures are divided by line feeds.
#![no_main]

use assay_ownership::{Claim, Evidence, Network, Scheme, verify};
use libfuzzer_sys::fuzz_target;

/// Addresses of hashes and keys that nobody chose.
const ROWS: [(Network<'_>, &str); 12] = [
    (Network::Bitcoin, "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
    (Network::Bitcoin, "3Fs7C97NmvhWUZ2pSjth9YbTxMv4sk9nHi"),
    (Network::Bitcoin, "bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l"),
    (Network::Bitcoin, "bc1qp0ahvfh83088w49k405szqgg4f3pptr7p2g06tdxfjcd40z4lh4q95lsz9"),
    (Network::Bitcoin, "bc1pss0zhytly75awhm6x2hhvd5lnzv3vssgrf9axfheq8ldyzn88ges79fler"),
    (Network::Evm { chain_id: 1 }, "0x52b311c52436789f3754bd199bf3886b8ccbab4c"),
    (Network::Tron, "TEjxQjU3CxkFrSDcPfHwZXSuPpCpdQ27NJ"),
    (Network::Solana, "9vbpNnyNRZpSWzptDwxGhw2Vny2yJ4W9V2kFyq4GSVzL"),
    (Network::Ton, "EQCD39VS5jcptHL8vMjEXrzGaRcCVYto7HUn4bpAOg8xqB2N"),
    (Network::Cardano, "addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8"),
    (Network::Filecoin, "f1abjxfbp274xpdqcpuaykwkfb43omjotacm2p3za"),
    (Network::Starknet { classes: &[] }, "0x0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd"),
];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let (network, address) = ROWS[usize::from(*first) % ROWS.len()];
    let Ok(text) = core::str::from_utf8(rest) else { return };
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let (scheme, message, script, typed) = (next(), next(), next(), next());
    let some = |text| Some(text).filter(|text: &&str| !text.is_empty());
    let signatures: Vec<&str> = lines.collect();
    let claim = Claim {
        network,
        address,
        message: message.as_bytes(),
        evidence: Evidence {
            scheme: Scheme::from_name(scheme),
            signatures: &signatures,
            public_key: some(script),
            script: some(script),
            typed_data: some(typed),
        },
        facts: &[],
    };
    assert!(verify(&claim).is_err(), "a forged signature");
});
