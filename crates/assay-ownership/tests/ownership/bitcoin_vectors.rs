//! Vectors of BIP-322's own files, `bip-0322/basic-test-vectors.json` and `generated-test-vectors.json`, and signed
//! messages published with reserve lists.

use assay_ownership::{
    Assumption, Binding, Evidence, Invalid, Network, OwnershipError, Scheme, Threshold, Unbound,
};

use super::{check, check_with};

const KEY_ADDRESS: &str = "bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l";
const EMPTY: &str = "smpAkcwRAIgM2gBAQqvZX15ZiysmKmQpDrG83avLIT492QBzLnQIxYCIBaTpOaD20qRlEylyxFSeEA2ba9YOixpX8z46TSDtS40ASECx/EgAxlkQpQ9hYjgGu6EBCPMVPwVIVJqO4XCsMvViHI=";
const MULTISIG_ADDRESS: &str = "bc1qp0ahvfh83088w49k405szqgg4f3pptr7p2g06tdxfjcd40z4lh4q95lsz9";
const MULTISIG_MESSAGE: &str = "This will be a p2wsh 3-of-3 multisig BIP 322 signed message";
const MULTISIG: &str = "smpBQBHMEQCIFX9aaqPJWq2Ff2kpen5bFDTid+ehgUOpHV0LfjncXy4AiA3GNicF7aKPzdpa9PCpmaYQs3pHd+qbvvhXdxOCKCAMAFIMEUCIQD/ELXg6CNYyUQijCg96JtgvgjZb9dsl1Ctof4QAeyTcQIgVM/1AAblFl/DCt6A1gJg+T/i2qU5SQD09+chFJzolRwBSDBFAiEAlqRfSFyWNVQhvaCnmeV5tyneiCWMTcFbuujoD/pFa3wCIGnZjfQb8NolSYq9asV+ZeBSkCGHJcqnaV4JYS5MYPEGAWlTIQJ1aLEfEi/4p7wcV+XHZCBVvGGJZ7L3v+jhH+mZA8lN0yECCovfec+kIdllXpKCgA8RX/HZ2x5yHOtCSKP8/sf6pnwhAwxSng6kCgCXXSAmJOOZFdr3vdK3HzGqCFloOHgc5fM6U64=";

#[test]
fn bip322_simple() {
    for (address, message, signature, threshold) in [
        (KEY_ADDRESS, "", EMPTY, 1),
        (
            KEY_ADDRESS,
            "",
            "AkgwRQIhAPkJ1Q4oYS0htvyuSFHLxRQpFAY56b70UvE7Dxazen0ZAiAtZfFz1S6T6I23MWI2lK/pcNTWncuyL8UL+oMdydVgzAEhAsfxIAMZZEKUPYWI4BruhAQjzFT8FSFSajuFwrDL1Yhy",
            1,
        ),
        (
            KEY_ADDRESS,
            "Hello World",
            "smpAkcwRAIgZRfIY3p7/DoVTty6YZbWS71bc5Vct9p9Fia83eRmw2QCICK/ENGfwLtptFluMGs2KsqoNSk89pO7F29zJLUx9a/sASECx/EgAxlkQpQ9hYjgGu6EBCPMVPwVIVJqO4XCsMvViHI=",
            1,
        ),
        (
            KEY_ADDRESS,
            "Hello World",
            "smpAkgwRQIhAOzyynlqt93lOKJr+wmmxIens//zPzl9tqIOua93wO6MAiBi5n5EyAcPScOjf1lAqIUIQtr3zKNeavYabHyR8eGhowEhAsfxIAMZZEKUPYWI4BruhAQjzFT8FSFSajuFwrDL1Yhy",
            1,
        ),
        (MULTISIG_ADDRESS, MULTISIG_MESSAGE, MULTISIG, 3),
        (
            "bc1pss0zhytly75awhm6x2hhvd5lnzv3vssgrf9axfheq8ldyzn88ges79fler",
            "No prefix fallback",
            "AUCJYOwOjxYAvatTAGYaVlNXBVyFuc4MwNQkOuK2tl8xhfKDONd0NjfYyNSYcRqeCp8hsAnCEPHAVEkO9h6vbQ/R",
            1,
        ),
        (
            "bc1qkntwc3c4dzxh9xh6875l03fn3vkk023jgak3u7",
            "ESHJI7MWUL64AXHBI42L3UR4QA",
            "AkcwRAIgCYHF/vn67iZX5WBimh84kqD6pTME6eNCMGhfFnnwCNECIAF3nMCk/RfLit+uv8a8FgfQIw0f0ASE21GSz7rX17PsASEDTA2vM8bOtUFgvenSDUmvkq7aWNwoTB0CMiM6carHY1s=",
            1,
        ),
        (
            "bc1p9cyuceaazr8cz46mvgkzl94wy397mwpqsrk84su37t72jvkg6wzqv52nfp",
            "TPIZPITUIHEUHO5ACOL6W6MBVD",
            "AUBay6NwR4LEYedkTG+vE9F7C0RTOCB5NH6ZAqf+3hudjHIkOzSZk1jW/5Kt0wRKX3llJ25os+0qktdou4/Y8516",
            1,
        ),
        (
            "bc1qa8xp82hejuydq8d9yc44s662ras5ncr98gxz3n53s6vklwgrczrqc4fqtn",
            "GDU6AXT64O5ZS4AHHXK5JETYRM",
            "BABIMEUCIQCLKarc4DfTq5bmqPVjRZ/qBvRPy886P2dM1tDK/92WIgIgN7y495rkp5FPcpjohhl8Knmo9rf63tPLGIVo8PKE81ABSDBFAiEAz2U1cppenj2Kbg8DkS3wXMmAN4jvZvsP/PdcCI1akogCIFlrCbW2+GbMRkvObV2utVdHYBxIJhM6DJlv1NIwViXBAUdSIQJx+IVtFfezY//G7PB/9/Z2fWatDxm5+M0195sX3Y1qoyECvDKp35BSlVD2TFqMPy7MlXJrqGl3nkQAgo51DfiRIqlSrg==",
            2,
        ),
    ] {
        let control = check(Network::Bitcoin, address, message, &[signature]).unwrap();
        assert_eq!(control.scheme, Scheme::Bip322Simple);
        assert_eq!(control.threshold, Some(Threshold { required: threshold, total: threshold }));
        assert_eq!(control.keys.len(), usize::try_from(threshold).unwrap());
        assert!(control.assumed.is_empty());
    }
}

#[test]
fn bip322_simple_rejections() {
    for (address, message, signature) in [
        (KEY_ADDRESS, "", "not-valid-base64!!!"),
        (KEY_ADDRESS, "", ""),
        (KEY_ADDRESS, "Wrong message that was not signed", EMPTY),
        (MULTISIG_ADDRESS, "", EMPTY),
        (KEY_ADDRESS, "", "smpAA=="),
        (MULTISIG_ADDRESS, "This is not the message that was signed", MULTISIG),
        (KEY_ADDRESS, "", "fooAA=="),
        (
            "bc1pyrgrm6cu6n54jrvkdjd9rvyd3xfyu84s2623awu2srn6mxhscwpsm5644w",
            "incorrect prefix",
            "fulAUDZwFXUp+adN+/UZj5dVrGAbB3zKs1Vcalz5fCF9srxS63eSWNGvH1NYbrBkPt1BJDUyWUz9zgUxfc63/QheT6M",
        ),
        (
            "bc1qx3f9s3scavc92s3g2fhwzqzn7qucd37ez03jpf",
            "ESHJI7MWUL64AXHBI42L3UR4QA",
            "AkcwRAIgCYHF/vn67iZX5WBimh84kqD6pTME6eNCMGhfFnnwCNECIAF3nMCk/RfLit+uv8a8FgfQIw0f0ASE21GSz7rX17PsASEDTA2vM8bOtUFgvenSDUmvkq7aWNwoTB0CMiM6carHY1s=",
        ),
        (
            "bc1p9cyuceaazr8cz46mvgkzl94wy397mwpqsrk84su37t72jvkg6wzqv52nfp",
            "IHUVDIXOZV7EE7RU6CP7JUS57N",
            "AUBay6NwR4LEYedkTG+vE9F7C0RTOCB5NH6ZAqf+3hudjHIkOzSZk1jW/5Kt0wRKX3llJ25os+0qktdou4/Y8516",
        ),
        (
            "bc1pr72av8sh7qc2ssxs8w0hlj0cl82g2q2dvypngzgsrmd4plml84ksmfyv0q",
            "TPIZPITUIHEUHO5ACOL6W6MBVD",
            "AUBay6NwR4LEYedkTG+vE9F7C0RTOCB5NH6ZAqf+3hudjHIkOzSZk1jW/5Kt0wRKX3llJ25os+0qktdou4/Y8516",
        ),
    ] {
        check(Network::Bitcoin, address, message, &[signature]).unwrap_err();
    }
}

const FULL: [(&str, &str, &str, u32); 6] = [
    (
        "164P4mbDkPcyvRnFGAZd1ThjxSj7Fbsywz",
        "GI2SVNWVCWTEEIMFZFFZYAQNSA",
        "AgAAAAGEmHuloQANVIqnpMegGLNFKwAGE0Urv0a/uMiHnJ+FQwAAAABrSDBFAiEAr8VdqPCZU/oVqKKj2WwHfeCX/lzp+Rfk8d59cS9xdGECIAar0nievDdeVstmIgjfM7kzMepL6HrecBuJtgEitFxBASECzgU8WF30ffzpbdClcw/0NBkTCkuRbiEzr+CTXePjiPfgBwAAAQAAAAAAAAAAAWrgBwAA",
        1,
    ),
    (
        "bc1qkwzsslep5elkuat4608v7tpntpr3d9n7w5cwwq",
        "YGIAANMREUXLFRI4HIEOCE4T23",
        "AgAAAAABAaVatLF3wpACTG5XowFYPJPv65lgTlZypjUV9d1DNduCAAAAAADgBwAAAQAAAAAAAAAAAWoCRzBEAiB+SJdR6bVLpv5+kK8pOXSUDS24rU53YkTQEvelQJ22uwIgEfqM8eYTupu4LtA0Tz7z1LIbhpP2PrUxWEt9osnrxFEBIQMasC7JaIHbbAUt1kU81yx7S4QHScnEDBs4GsdHDPMPSuAHAAA=",
        1,
    ),
    (
        "bc1psmjelwjtg7lz26jhd4kkf35v0xp3u7ffc6p4n4869s0hxkrrrtkqkpqvmg",
        "K276VUM3MXP56DGNVICQR5XWRT",
        "AgAAAAABAY+B3hhlrps+S2YaxSvL3HxZKdfT+8XCCtZ4KQc5N+AaAAAAAADgBwAAAQAAAAAAAAAAAWoBQEHQoT3HfPKw4WNiQySblfcRX2gnha/mrpFxUoYlkJxuQFXNN3sS+XbJsNAoXRlvQitk0tVEFpsUGRcCdZ7bWPHgBwAA",
        1,
    ),
    (
        "37HVPoc7ZsU5C9Z2VKcCkSLzEknYXCzm3s",
        "OQXDXSR5SN5N7WRXSPTI462HKH",
        "AgAAAAABAbtjBsUTHnoyuNG4NGbx6cI1Z01QLlfGHJX/WIRCAU6/AAAAABcWABTGXFmsgRqCkic6D+eE4AKm1iyVhuAHAAABAAAAAAAAAAABagJHMEQCIBp/IMJTnnhI6YrHJwIQbfucoizq0esZ35QRxtpXuk7fAiAGx6kSd9BuPDY+R0sHTJU0ZFtScJI8ASojEHwrClKxDQEhAl3boe/68fHvtuYzRkaS3GOSxnUTJwejjrubm+czK+Yi4AcAAA==",
        1,
    ),
    (
        "bc1qfqj9nyjyt48mnu3d5pl98t280l2w0ccpfd2r2mee3fwfxar5sehszuz26t",
        "5P7EW4XUVZ6PJX5HY4MW5FK5PB",
        "AgAAAAABAcE9Xti5qyNVQrVVDtYUznEvVIDEbkXUF3n3CQI5bzKRAAAAAADgBwAAAQAAAAAAAAAAAWoEAEcwRAIgSwczcWxkT+Tk8wvTdorKXE3Hfemk6mtcKXC2yGSXp2ACIEIa5UwomMwpoPLyowZ/e550yHRPTyIIbYDaYT1kF9szAUgwRQIhAPpw4wkAFjKT1mvhOSfmHlYFtRgQ87hfbOfjnjJnQ2PuAiA7uR/iEFqgQfLLZIEsRIImvMPP/gMfchFpj4Qx5aRSpQFHUiED1iNYBtEHilqVRjfuFj7hkUEtAkMkPX7WRMHZ3NGTrUQhArxPc6k2RYEdx2fw2Pd82g7GgeLraJ7meGEFXIxa7IwfUq7gBwAA",
        2,
    ),
    (
        "bc1q9nrqkah76dcr2yvw40wkr2af439ccyl5xay0md3awkkk00zges4qdt3sx7",
        "QDZMAZBL27JFGRNCIXL25DXBSH",
        "AgAAAAABAer7c1QlVJDuAbqiJjI4BDfc9mBGcO7bMHZbQkfJkv5xAAAAAADgBwAAAQAAAAAAAAAAAWoFAEcwRAIgSOxqpGJcIsTlpitk5ZYjL39Oz19Nju75iEIAZJakhxoCIAGdJoVeVRnYtALtXneYlvi+c1cM/g1VB9KuVPAbG2sEAUgwRQIhANqm0LEFk63YpHgNdhiOxvqrr+CfuTYDiBWd2qSX4eCZAiAEkN5Cei/Nu8hf344x16B07RoLmp5QkanvbWw+RYG0iAFIMEUCIQDNtva8FSjrEKwDIuRbtWf/1l5sPfPDfjCNiq4qN2b83gIgDUhfk7LFcc300VDuTgS7sapPpq7DeiEfy3bzgz6bGCoBaVMhAxv7aVMjtYlThA88s4q8tFcoyY5SuiQq5hCXJcSUaYXyIQJr/JHIEQpdLdJFEA8iFMHu9wqLtkEpmGFhDLrShlameCECWmK4dVblBueUxUfoJ20abiYpeApWXbNfy3w/lDWja7xTruAHAAA=",
        3,
    ),
];

#[test]
fn bip322_full() {
    for (address, message, signature, threshold) in FULL {
        let control = check(Network::Bitcoin, address, message, &[signature]).unwrap();
        assert_eq!(control.scheme, Scheme::Bip322Full);
        assert_eq!(control.threshold, Some(Threshold { required: threshold, total: threshold }));
        assert_eq!(control.assumed, [Assumption::Locked { lock_time: 2016, sequence: 2016 }]);
        let prefixed = format!("ful{signature}");
        assert_eq!(check(Network::Bitcoin, address, message, &[&prefixed]), Ok(control));
    }
}

#[test]
fn bip322_full_of_another_message_or_address() {
    for (at, (address, message, signature, _)) in FULL.into_iter().enumerate() {
        assert_eq!(
            check(Network::Bitcoin, address, "745NRH7L6UQCEPPXTQOGU56EDU", &[signature]),
            Err(OwnershipError::Invalid(Invalid::OtherMessage))
        );
        let (other, ..) = FULL[(at + 1) % FULL.len()];
        check(Network::Bitcoin, other, message, &[signature]).unwrap_err();
        // The same script on another network has another address.
        check(Network::BitcoinTestnet, address, message, &[signature]).unwrap_err();
    }
}

#[test]
fn bip322_scripts_that_nothing_here_runs_are_unsupported() {
    for (address, message, signature) in [
        (
            "bc1peeyux4l3g6wmq23hsl6hytndlu89emtvqrw0k222hgnfvys8yw8sehzpun",
            "5WCQVNSZADVB2U447BH2A44Y4X",
            "AgAAAAABARTMGFokvM/viA990Uz2acpongloH+NqLgjm1grzw7C1AAAAAADgBwAAAQAAAAAAAAAAAWoEQAl8+ry6NBWeMu08ZpB9fJVnTiWQJy1i5LOfmtDr8DLWVvSUyKAwNQK7EyIPJlQhATz/7cw3Oywj0+dF0NHS9mMAS2MgrYfXhOkh0CvwuJpB+O3tal2ECfO0v7k1/A4PTlGcQiBnAuAHsnUg15isG0dq0JWAnqDPzUnq+bMlf+cWyLUGg00iNZeg0D5orCHB15isG0dq0JWAnqDPzUnq+bMlf+cWyLUGg00iNZeg0D7gBwAA",
        ),
        (
            "bc1q9dtw8dz93e7w6v5w8tra2et0vhz3wct3hpvl4tk5vrac9xz8szwqtvf0e2",
            "TOJXD6LSM3XO5OQ4QBQSL56I22",
            "AgAAAAABARVzK6W+9P3uKAmwv5xuqaftTkpGVj+1VWPgnqAVBFPyAAAAAADgBwAAAQAAAAAAAAAAAWoDSDBFAiEA82QBQkW16bqrm2mfKOLubqM2XHM+042kNMIor103anACICxp8esh++3RqSzqeefA+nlZoejw4pJJeubRTC9d6kZaAQBNYyEDrYfXhOkh0CvwuJpB+O3tal2ECfO0v7k1/A4PTlGcQiBnAuAHsnUhAyTbIAnLsvFRwT/A4kYwUNI0ny1pwRQ5KkFkMopLD5q4aKzgBwAA",
        ),
    ] {
        assert!(matches!(
            check(Network::Bitcoin, address, message, &[signature]),
            Err(OwnershipError::Unsupported { .. })
        ));
    }
}

/// Signed messages of reserve lists, as their publisher's own tests give them: okx/proof-of-reserves,
/// `common/crypto_test.go`.
#[test]
fn field_messages_of_keys() {
    let okx = "I am an OKX address";
    for (network, address, message, signature) in [
        (
            Network::Bitcoin,
            "1DcT5Wij5tfb3oVViF8mA8p4WrG98ahZPT",
            okx,
            "IA1jDx3zkn4J4F6mCVU68Vm7TwNf+bCsp+hKo3LwV/Y+PlZEoNsajnAHqd/FrEmv5/VAGz7pPiWPOXjmCLRfxIM=",
        ),
        (
            Network::BitcoinSv,
            "1Hgc1DnWHwfXFxruej4H5g3ThsCzUEwLdD",
            "hello world",
            "IDtG3XPLpiKOp4PjTzCo/ng8gm4MFTTyHeh/DaPC1XYsYaj5Jr4h8dnxmwuJtNkPkH40rEfnrrO8fgZKNOIF5iM=",
        ),
        (
            Network::Litecoin,
            "LectSLekhkxEQBHofNFHa3pVHndnb4Z9fN",
            okx,
            "ILEkfsIaFagDnMq0pY9qS4yIAjTFlpDknLCVm5dhMHbnZn0SXC+Op9jQfD4wbu+Rpxs1N5ut6c2349GEM8AFx0A=",
        ),
    ] {
        let control = check(network, address, message, &[signature]).unwrap();
        assert_eq!((control.scheme, control.binding), (Scheme::BitcoinMessage, Binding::KeyHash));
        assert!(control.recovered);
        assert!(matches!(
            check(network, address, "another message", &[signature]),
            Err(OwnershipError::Unbound(Unbound::OtherAddress { .. }))
        ));
        assert!(check(Network::Dogecoin, address, message, &[signature]).is_err());
    }
}

#[test]
fn field_messages_of_scripts() {
    for (network, address, message, signatures, script) in [
        (
            Network::Bitcoin,
            "3Fs7C97NmvhWUZ2pSjth9YbTxMv4sk9nHi",
            "I am a OKX address",
            [
                "H2vshvcYTGrUw0XG1AundmbivdrhTWUOTqcXKhN+MqbaEfVYfGkgDhEumiJoEJFhlzuma6bBpg4pXNUHoTENOPI=",
                "H1eFA8Y2woAnDqxamcLDMVDr4Jd8g6PiagExWCyzvZNZU8xZ2TKV2RNcbXArRgUfniLzgJFvzmBEUC6vgM5bd7A=",
            ],
            "522103447bead626f13c79de937c0879b64172e5984456a47350b44e8bd23a02e6895e2103864969c155d42c5f61999bcaafeadfc8574b033142f03b5bf3025c6794570b952103304fa164de84f710e44a563f5038d355d6a36a1d7f25695cba884f0b4b6d184653ae",
        ),
        (
            Network::Bitcoin,
            "bc1qpypsu8sytw959yu53dk48eaq9saxumwegzwd4anava9qe40k6gfqyrsxaq",
            "I am a OKX address",
            [
                "IKfykjJJSywz2g/KGXvWwE1aphUvryiBaNQYK0m4Ain7QkNhM7VjwV964DPn4dvpOGyzhQYSAqLIz1BOBXbIQcY=",
                "H0FnZYEXYbmrnh8sreeUO7wL8BPPKKSPDyYvZbjn/tOCVpxnZLN3yL8lyyPHkl3NttL7WDHVx/jxG5HBLbR7T5k=",
            ],
            "522102b514e7ccc2845d3f1ca7181dacab0d1ac277616e753547922f82cc0cdfb5c691210318c30ad87d44e7c8b940b47e6963aabfda0581a1e1aac59019b9b1589179aa7a2103d7a534927a03b195a0082d53ab15145bbac8964ffb09d54869da2e59ea1b100553ae",
        ),
        (
            Network::Dogecoin,
            "9vbpNnyNRZpSWzptDwxGhw2Vny2yJ4W9V2",
            "I am an OKX address",
            [
                "H/Oog7EXWzpoR7CA4yV6k5IYH+aQreIxHuMmBTH53ucWVKLn8F7lLJNNPwe67ElPYr49Ox2PpXyExr+W9+pYIgw=",
                "H3LGI7d7ZIMSRf+S9TrfdUrTM+tPA21MRnLyANqaH3LwWzSZAZtxJo4dGZs8JSL7dPkM9NWtMg7bTlLN8pIU0iE=",
            ],
            "5221037c660ee71005b5e991068021448ed61a650ef018f56c4614b28ae4618169107c2103aa2fdc3e4a5207c68d452dc42f615dee425eea6c2b7ef61f8a677fbff076fa9a2103d23a7924f45f3288816b91fdaba88ea688020b364bf55e506d21f8c8787dd71853ae",
        ),
        (
            Network::Dash,
            "7XswsaSt9HtGfrLvboEEzhsmPBSSky1mnu",
            "I am an OKX address",
            [
                "INc+CF8jxNHTyJvnWzbsUe98mRA9eywBVuK1Dd1YTzLgTKiUa8dwfror+px/hlK/hHQ0R7saUi28ijQRCwYJWA0=",
                "IFMFCCk781/sT/oHoUxL5oZpqQZlImQrhJ3odvkVWARcaK4EAl3XPEA/IVgxh6VaSLmMP/Wno1dxWdmxe2gcs3U=",
            ],
            "522102f5c9ab0dd178eb44cd6baae7c1698ae23caec399d58da93a32509665113152742103729f817997a0442e6a39ee0c15f0cd3a17e55ef768ae6f055b2c323a1cba9eb121021e6568b58ef452791f56d0ba2f2ea1200c730f114ab88701833a0a2cf77ef09e53ae",
        ),
        (
            Network::Litecoin,
            "MH7Qru4KFC6tLSiSq7bTWUDyiXERwzdqKp",
            "I am an OKX address",
            [
                "ID7R92j4VjjajZGAqRWyHVEAGLfbJZnIKD7uZVyMPYNqf3Cp0BxeFSuZ8c+weifZ8M3DBE8F2ftDV7s9XYTLPus=",
                "H2wcYS+Osohhi06wr78H4Gn8zsB9Oqw9aTRo7OEdTJNaWNGwoo+6zwsywdfUXk6IgxY7hreo0I/s8fIjHJceFdQ=",
            ],
            "522103c4a04606ac7b32924f0fc0b8aadbf925c139738701a09138bc7c42cb9a3609da21034b8b29e6f460e6293423173863a9cca093bbbd865a611abd984fd674d2537e5b210350ade45e21816652e9812bb39f55e0e8cad02a0884c3c024ab642a43cd8094a353ae",
        ),
        (
            Network::Litecoin,
            "ltc1qzvcgmntglcuv4smv3lzj6k8szcvsrmvk0phrr9wfq8w493r096ssm2fgsw",
            "I am an OKX address",
            [
                "IGLtPax4D8T/a5YIfTjqT4hoy8j71gG+yFeKPUhH4xKTcgEFxLXrJF+2ZLgPoqKGBt+QSNH6l7RK7bIZzVIvzBA=",
                "Hzs4gdaoFHT1hfVqyi2tvoIhGiUTP/vVETd2QPtg8Uu/eGzec6oK5DvVIK0oUMC8G0dfWgrEcJM4IE7MIHS4oBc=",
            ],
            "5221024ae22b49865207865e57b5056abb1e9f6480a6621a246b7066ab84c3b7f9d2b5210255f79ad111076c25b3f6d5e2e99250b6150b1d1b6af10f860f41f63c68859704210247eb8b75b8e50a8a33a7d9ada81f3ecaa05228bfeec3274bc6520637f2eacbf553ae",
        ),
    ] {
        let evidence = Evidence { signatures: &signatures, script: Some(script), ..Evidence::default() };
        let control = check_with(network, address, message, evidence).unwrap();
        assert_eq!(control.threshold, Some(Threshold { required: 2, total: 3 }));
        assert_eq!(control.keys.len(), 2);
        assert_eq!(control.assumed, [Assumption::ScriptNotRun]);
        assert!(matches!(
            check_with(network, address, "another message", evidence),
            Err(OwnershipError::Unbound(Unbound::NotInScript { .. }))
        ));
        let one = Evidence { signatures: &signatures[..1], ..evidence };
        assert_eq!(
            check_with(network, address, message, one),
            Err(OwnershipError::Invalid(Invalid::Threshold { required: 2, found: 1 }))
        );
        let bare = Evidence { script: None, ..evidence };
        check_with(network, address, message, bare).unwrap_err();
        let other = script.replace("52ae", "51ae").replacen("52", "51", 1);
        let other = Evidence { script: Some(&other), ..evidence };
        assert_eq!(
            check_with(network, address, message, other),
            Err(OwnershipError::Unbound(Unbound::OtherScript))
        );
    }
}

/// A row that the same list carries, but its publisher doesn't test: the script is the address's, a signer isn't in it.
#[test]
fn field_message_by_a_key_outside_the_script() {
    let address = "bitcoincash:ppgttg7kcfxv5tp83rlxwu69jxvu70kr3yyewl2ye4";
    let evidence = Evidence {
        signatures: &[
            "Hz+cZI5GfSzNSvBpna20diV47/rhlQMRQTNGZd9sI4UZQaWH4ZY3KJA4IlcP5bwuicO+myA4vLdiMkj7OU+rDpg=",
            "IDtG3XPLpiKOp4PjTzCo/ng8gm4MFTTyHeh/DaPC1XYsYaj5Jr4h8dnxmwuJtNkPkH40rEfnrrO8fgZKNOIF5iM=",
        ],
        script: Some(
            "5221027adce0bd3080066ab90c68199ff73128b3ff8c847d15d9e4c6e88fb4c6e6486b210273fa0df3ffceeda23b0074d9fe83d9ee3a209fad6e4546fdec5ede39abcbb70d2102a38ce748c5a1e1889f0d72ecd6f2130f5f73a11e01fff9f0d22796e40217571953ae",
        ),
        ..Evidence::default()
    };
    for address in [address, "393maTY7rQScy4SmYE1XSXUSgK73byhgfA", &address.to_uppercase(), &address[12..]] {
        assert!(matches!(
            check_with(Network::BitcoinCash, address, "hello world", evidence),
            Err(OwnershipError::Unbound(Unbound::NotInScript { .. }))
        ));
    }
    for address in [
        "ecash:pzgm4hmxk35vkuphlz8v8lprsmppruf2a5l75ru30k",
        "bitcoincash:ppgttg7kcfxv5tp83rlxwu69jxvu70kr3yyewl2ye5",
    ] {
        assert!(matches!(
            check_with(Network::BitcoinCash, address, "hello world", evidence),
            Err(OwnershipError::Undecodable { .. })
        ));
    }
}

/// Every bit of a full signature is signed for, or is a signature or a script.
#[test]
fn no_bit_of_a_transaction_can_be_changed() {
    use base64::Engine;
    let base64 = base64::engine::general_purpose::STANDARD;
    for (address, message, signature, _) in FULL {
        let good = base64.decode(signature).unwrap();
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut changed = good.clone();
                changed[at] ^= 1 << bit;
                let text = format!("ful{}", base64.encode(&changed));
                assert!(
                    check(Network::Bitcoin, address, message, &[&text]).is_err(),
                    "{address} byte {at} bit {bit}"
                );
            }
        }
        let longer = format!("ful{}", base64.encode([&good[..], &[0]].concat()));
        assert!(check(Network::Bitcoin, address, message, &[&longer]).is_err());
    }
}

/// Signed messages and BIP-137 as wallets make them: bitcoinjs-message's README, coinmsg's tests, and
/// trezor-firmware's `tests/device_tests/bitcoin/test_signmessage.py`, signatures in hex there. The last ones come with
/// and without BIP-137's header.
#[test]
fn wallets_signed_messages() {
    let example = "This is an example of a signed message.";
    let long = "VeryLongMessage!".repeat(64);
    for (address, message, signature, scheme) in [
        (
            "1F3sAm6ZtwLAUnj7d38pGFxtP3RVEvtsbV",
            example,
            "H9L5yLFjti0QTHhPyFrZCT1V/MMnBtXKmoiKDZ78NDBjERki6ZTQZdSMCtkgoNmp17By9ItJr8o7ChX0XxY91nk=",
            Scheme::BitcoinMessage,
        ),
        (
            "1F3sAm6ZtwLAUnj7d38pGFxtP3RVEvtsbV",
            "foobar",
            "ILtpIVksn3ie1AyKSjU/Hokv1HvMlRmersHqQSodEcnHZ4A8cT/2MSxFQ88kPftQWjPx7gAVFXiKSpX7Itu7UgA=",
            Scheme::BitcoinMessage,
        ),
        (
            "1HZwkjkeaoZfTSaJxDw6aKkxp45agDiEzN",
            "foobar",
            "HLtpIVksn3ie1AyKSjU/Hokv1HvMlRmersHqQSodEcnHZ4A8cT/2MSxFQ88kPftQWjPx7gAVFXiKSpX7Itu7UgA=",
            Scheme::BitcoinMessage,
        ),
        (
            "1JAd7XCBzGudGpJQSDSfpmJhiygtLQWaGL",
            example,
            "20fd8f2f7db5238fcdd077d5204c3e6949c261d700269cefc1d9d2dcef6b95023630ee617f6c8acf9eb40c8edd704c9ca74ea4afc393f43f35b4e8958324cbdd1c",
            Scheme::BitcoinMessage,
        ),
        (
            "1JAd7XCBzGudGpJQSDSfpmJhiygtLQWaGL",
            &long,
            "IApGR2zrhNBu9XhIKAJvkiyIFfV6rIN7jAEwB8qKhGDbY++Rfb6669EIscgUu+6m2x8rIkGpWOU/5xXMhrGZ2cM=",
            Scheme::BitcoinMessage,
        ),
        (
            "3CwYaeWxhpXXiHue3ciQez1DLaTEAXcKa1",
            example,
            "249e23edf0e4e47ff1dec27f32cd78c50e74ef018ee8a6adf35ae17c7a9b0dd96f48b493fd7dbab03efb6f439c6383c9523b3bbc5f1a7d158a6af90ab154e9be80",
            Scheme::Bip137,
        ),
        (
            "3L6TyTisPBmrDAj6RoKmDzNnj4eQi54gD2",
            example,
            "23744de4516fac5c140808015664516a32fead94de89775cec7e24dbc24fe133075ac09301c4cc8e197bea4b6481661d5b8e9bf19d8b7b8a382ecdb53c2ee0750d",
            Scheme::Bip137,
        ),
        (
            "3L6TyTisPBmrDAj6RoKmDzNnj4eQi54gD2",
            example,
            "1f744de4516fac5c140808015664516a32fead94de89775cec7e24dbc24fe133075ac09301c4cc8e197bea4b6481661d5b8e9bf19d8b7b8a382ecdb53c2ee0750d",
            Scheme::BitcoinMessage,
        ),
        (
            "bc1qannfxke2tfd4l7vhepehpvt05y83v3qsf6nfkk",
            example,
            "28b55d7600d9e9a7e2a49155ddf3cfdb8e796c207faab833010fa41fb7828889bc47cf62348a7aaa0923c0832a589fab541e8f12eb54fb711c90e2307f0f66b194",
            Scheme::Bip137,
        ),
        (
            "bc1qannfxke2tfd4l7vhepehpvt05y83v3qsf6nfkk",
            example,
            "20b55d7600d9e9a7e2a49155ddf3cfdb8e796c207faab833010fa41fb7828889bc47cf62348a7aaa0923c0832a589fab541e8f12eb54fb711c90e2307f0f66b194",
            Scheme::BitcoinMessage,
        ),
        (
            "bc1qannfxke2tfd4l7vhepehpvt05y83v3qsf6nfkk",
            &long,
            "KMb4biVeqnaMRH1jXZHaAWMaxUryI8LBgtT6NnbP7K5KGZrTOnT+BPtGw5QyrLjYPedNqQ9fARI7O32LwlK8f3E=",
            Scheme::Bip137,
        ),
    ] {
        let control = check(Network::Bitcoin, address, message, &[signature]).unwrap();
        assert_eq!(control.scheme, scheme, "{address}");
        check(Network::Bitcoin, address, &format!("{message}!"), &[signature]).unwrap_err();
    }
}
