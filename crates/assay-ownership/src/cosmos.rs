//! Cosmos networks: ADR-36 and recoverable signatures.

use bech32::Bech32;
use bech32::primitives::decode::CheckedHrpstring;
use bitcoin::secp256k1::PublicKey;
use bitcoin::secp256k1::ecdsa::Signature;

use crate::ecdsa::{self, Digest};
use crate::error::undecodable;
use crate::{
    Assumption, Binding, Claim, Control, CosmosKey, Field, Invalid, OwnershipError, Scheme, Threshold,
    Unbound, hash, text,
};

pub(crate) fn verify(claim: &Claim<'_>, prefix: &str, kind: CosmosKey) -> Result<Control, OwnershipError> {
    let address = account(claim.address, prefix)?;
    let of_key = |key: &PublicKey| match kind {
        CosmosKey::Secp256k1 => hash::hash160(&key.serialize()),
        CosmosKey::EthSecp256k1 => ecdsa::ethereum_address(key),
    };
    let show = |signer: &[u8; 20]| format!("the account {}", text::to_hex(signer));
    let bytes = text::bytes_of(claim.single()?, &[64, 65], Field::Signature)?;
    let (scheme, key, recovered) = if bytes.len() == 65 {
        let signature = ecdsa::Recoverable::from_rsv(&bytes)?;
        signature.check_low_s()?;
        let digests = [
            Digest::new(Scheme::Envelope, hash::keccak256(&hash::envelope(claim.message))),
            adr36(claim, kind),
        ];
        let (scheme, key) = signature.bind(claim, digests, &address, of_key, show)?;
        (scheme, key, true)
    } else {
        let shown = claim.evidence.public_key.ok_or(Unbound::NoKey)?;
        let key = ecdsa::public_key(&text::bytes_of(shown, &[33, 65], Field::PublicKey)?)?;
        let signer = of_key(&key);
        if signer != address {
            return Err(Unbound::OtherAddress { signer: show(&signer) }.into());
        }
        let Digest { scheme, digest } = adr36(claim, kind);
        if !claim.wants(scheme) {
            return Err(claim.other_scheme());
        }
        let signature = Signature::from_compact(&bytes).map_err(|_| Invalid::Signature)?;
        ecdsa::verify(&digest, &signature, &key)?;
        (scheme, key, false)
    };
    Ok(Control {
        scheme,
        message: claim.message.to_vec(),
        binding: Binding::KeyHash,
        threshold: Some(Threshold::SINGLE),
        keys: vec![key.serialize().to_vec()],
        recovered,
        coins: Vec::new(),
        assumed: Vec::<Assumption>::new(),
    })
}

/// The hash of the sign document of ADR-36: canonical JSON with the message in base64 and the address as the signer.
fn adr36(claim: &Claim<'_>, kind: CosmosKey) -> Digest {
    // The address was decoded as bech32, so it has nothing that JSON would escape.
    let document = format!(
        "{{\"account_number\":\"0\",\"chain_id\":\"\",\"fee\":{{\"amount\":[],\"gas\":\"0\"}},\"memo\":\"\",\
         \"msgs\":[{{\"type\":\"sign/MsgSignData\",\"value\":{{\"data\":\"{}\",\"signer\":\"{}\"}}}}],\"sequence\":\"0\"}}",
        text::to_base64(claim.message),
        claim.address,
    );
    let digest = match kind {
        CosmosKey::Secp256k1 => hash::sha256(document.as_bytes()),
        CosmosKey::EthSecp256k1 => hash::keccak256(document.as_bytes()),
    };
    Digest::new(Scheme::Adr36, digest)
}

pub(crate) fn account(address: &str, prefix: &str) -> Result<[u8; 20], OwnershipError> {
    let Ok(checked) = CheckedHrpstring::new::<Bech32>(address) else {
        return undecodable(Field::Address, "not bech32 with a good checksum");
    };
    if checked.hrp().as_str() != prefix
        || !address.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    {
        return undecodable(Field::Address, "an address of another network");
    }
    let bytes: Vec<u8> = checked.byte_iter().collect();
    bytes.try_into().or_else(|_| undecodable(Field::Address, "not an account of 20 bytes"))
}
